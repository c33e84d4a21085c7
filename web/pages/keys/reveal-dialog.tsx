import { useBlocker } from "@tanstack/react-router";
import { useState } from "react";
import { demoModel, keyVariable, makeSnippets } from "../../app/snippets.ts";
import { Button } from "../../ui/button.tsx";
import { CodeBlock } from "../../ui/code-block.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Notice } from "../../ui/notice.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import type { CreatedKey } from "./create-key-dialog.tsx";
import styles from "./form/key-form.module.css";
import { TryKey } from "./try-key.tsx";

const question = "The key is shown this once. Leave without having copied it?";

/** The plaintext of a key, this once: in the state of this component, gone with it. */
export function RevealDialog({
  apiKey,
  secret,
  title,
  onClose,
}: {
  apiKey: CreatedKey;
  secret: string;
  title: string;
  onClose: () => void;
}) {
  const [isCopied, setCopied] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const [tab, setTab] = useState("env");
  const { origin } = location;
  const model = findCallableModel(apiKey.models);
  useBlocker({
    shouldBlockFn: () => !isCopied && !confirm(question),
    enableBeforeUnload: () => !isCopied,
  });
  const close = (): void => {
    if (isCopied) onClose();
    else setAsking(true);
  };

  const snippets = [
    { id: "env", label: ".env", code: `${keyVariable}=${secret}\nOPENAI_BASE_URL=${origin}/v1` },
    ...makeSnippets(origin, secret, model),
  ];
  return (
    <Dialog
      isOpen
      isWide
      onClose={close}
      title={title}
      description={`${apiKey.alias} · ${apiKey.public_id}`}
      footer={
        isAsking ? (
          <>
            <span style={{ marginRight: "auto" }} role="alert">
              It has not been copied, and cannot be shown again.
            </span>
            <Button variant="danger" onClick={onClose}>
              Close all the same
            </Button>
            <Button variant="primary" onClick={() => setAsking(false)}>
              Keep it open
            </Button>
          </>
        ) : (
          <Button variant="primary" onClick={close}>
            Done
          </Button>
        )
      }
    >
      <div className={styles["form"]}>
        <Notice tone="warn" title="Copy the key now">
          <p>Only its digest is stored. If you lose it, rotate the key or make another.</p>
        </Notice>
        <div className={styles["secret"]}>
          <code data-secret>{secret}</code>
          <CopyButton text={secret} label="Copy the key" variant="primary" onCopied={() => setCopied(true)}>
            Copy
          </CopyButton>
        </div>
        <Tabs
          label="Ways to use it"
          value={tab}
          onChange={setTab}
          tabs={snippets.map(({ id, label, code }) => ({
            id,
            label,
            content: <CodeBlock label={`the ${label} snippet`} code={code} />,
          }))}
        />
        <TryKey secret={secret} initialModel={model} />
      </div>
    </Dialog>
  );
}

/** A model that the key's allowlist names, or the one that answers everywhere. */
function findCallableModel(patterns: readonly string[]): string {
  if (patterns.some((pattern) => pattern === "*" || pattern === "echo::*" || pattern === demoModel)) return demoModel;
  return patterns.find((pattern) => !/[!*]/.test(pattern)) ?? demoModel;
}
