import { Menu as Base } from "@base-ui/react/menu";
import type { ReactElement } from "react";
import { Icon, type IconName } from "./icon.tsx";
import { joinClasses } from "./join-classes.ts";
import styles from "./menu.module.css";

export interface MenuEntry {
  label: string;
  icon?: IconName;
  onSelect: () => void;
  isDangerous?: boolean;
  isDisabled?: boolean;
}

/** A button that opens a list of commands; `null` draws a line. */
export function Menu({
  trigger,
  entries,
  align = "end",
  side = "bottom",
}: {
  /** The button. */
  trigger: ReactElement;
  /** Asked for when it opens. */
  entries: () => readonly (MenuEntry | null)[];
  align?: "start" | "end";
  side?: "top" | "bottom";
}) {
  return (
    <Base.Root modal={false}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner className={styles["positioner"]} sideOffset={4} align={align} side={side}>
          <Base.Popup className={styles["popup"]}>
            {entries().map((entry, index, all) =>
              entry === null ? (
                <Base.Separator key={`rule-before-${all[index + 1]?.label ?? "end"}`} className={styles["rule"]} />
              ) : (
                <Base.Item
                  key={entry.label}
                  className={joinClasses(styles["item"], entry.isDangerous === true && styles["danger"])}
                  disabled={entry.isDisabled === true}
                  onClick={entry.onSelect}
                >
                  {entry.icon !== undefined && <Icon name={entry.icon} size={14} />}
                  {entry.label}
                </Base.Item>
              ),
            )}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
