import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useId, useState } from "react";
import { Dialog } from "../ui/dialog.tsx";
import { TextInput } from "../ui/field.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
import { api } from "./api.ts";
import styles from "./command-palette.module.css";
import type { NavEntry } from "./nav.ts";

interface Command {
  id: string;
  label: string;
  icon: IconName;
  shortcut?: string;
  run: () => void;
}

/** Goes to a page, to a key by any part of its name, or starts what people do most; by keyboard alone. */
export function CommandPalette({ entries, onClose }: { entries: readonly NavEntry[]; onClose: () => void }) {
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const navigate = useNavigate();
  const listId = useId();
  const query = text.trim();
  const keys = useQuery(
    api.keys.list.queryOptions(
      { limit: 6, ...(query === "" ? {} : { q: query }) },
      { enabled: query.length > 0, placeholderData: keepPreviousData },
    ),
  );

  const fixed: Command[] = [
    {
      id: "create",
      label: "Create API key",
      icon: "plus",
      shortcut: "c",
      run: () => void navigate({ to: "/api-keys", search: { create: true } }),
    },
    ...entries.map(
      ({ to, label, icon, shortcut }): Command => ({
        id: to,
        label,
        icon,
        shortcut: `g ${shortcut}`,
        run: () => void navigate({ to }),
      }),
    ),
    { id: "account", label: "Account and sessions", icon: "gear", run: () => void navigate({ to: "/account" }) },
  ];
  const found = query === "" ? [] : (keys.data?.api_keys ?? []);
  const commands: Command[] = [
    ...fixed.filter(({ label }) => label.toLowerCase().includes(query.toLowerCase())),
    ...found.map(
      (key): Command => ({
        id: key.public_id,
        label: `${key.alias} · ${key.public_id}`,
        icon: "key",
        run: () => void navigate({ to: "/api-keys/$publicId", params: { publicId: key.public_id } }),
      }),
    ),
  ];
  const at = Math.min(active, Math.max(0, commands.length - 1));
  const run = (command: Command | undefined): void => {
    if (command === undefined) return;
    onClose();
    command.run();
  };
  const handleKey = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setActive((at + step + commands.length) % Math.max(1, commands.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(commands[at]);
    }
  };

  return (
    <Dialog isOpen onClose={onClose} title="Find or do">
      <TextInput
        type="search"
        role="combobox"
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={commands[at] === undefined ? undefined : `${listId}-${at}`}
        aria-label="Pages, keys and commands"
        placeholder="A page, a key's alias or public id …"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setActive(0);
        }}
        onKeyDown={handleKey}
      />
      <div id={listId} role="listbox" aria-label="Results" className={styles["list"]}>
        {commands.map((command, index) => (
          // The keys are handled by the field, as its role wants.
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- see above
          <div
            key={command.id}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            className={styles["option"]}
            onMouseMove={() => setActive(index)}
            onClick={() => run(command)}
          >
            <Icon name={command.icon} size={14} />
            {command.label}
            {command.shortcut !== undefined && <kbd>{command.shortcut}</kbd>}
          </div>
        ))}
      </div>
      {commands.length === 0 && <p className={styles["none"]}>Nothing is called that.</p>}
    </Dialog>
  );
}
