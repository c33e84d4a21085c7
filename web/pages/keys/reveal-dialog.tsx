import { useState } from "react";
import { demoModel, keyVariable, makeSnippets } from "../../app/snippets.ts";
import { CodeBlock } from "../../ui/code-block.tsx";
import { RevealOnceDialog } from "../../ui/reveal-once-dialog.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import type { CreatedKey } from "./create-key-dialog.tsx";
import { TryKey } from "./try-key.tsx";

/** The plaintext of a key, this once, with ways to use it. */
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
  const [tab, setTab] = useState("env");
  const { origin } = location;
  const model = findCallableModel(apiKey.models);
  const snippets = [
    { id: "env", label: ".env", code: `${keyVariable}=${secret}\nOPENAI_BASE_URL=${origin}/v1` },
    ...makeSnippets(origin, secret, model),
  ];
  return (
    <RevealOnceDialog
      isWide
      title={title}
      description={`${apiKey.alias} · ${apiKey.public_id}`}
      noun="key"
      secret={secret}
      warning="Only its digest is stored. If you lose it, rotate the key or make another."
      onClose={onClose}
    >
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
    </RevealOnceDialog>
  );
}

/** A model that the key's allowlist names, or the one that answers everywhere. */
function findCallableModel(patterns: readonly string[]): string {
  if (patterns.some((pattern) => pattern === "*" || pattern === "echo::*" || pattern === demoModel)) return demoModel;
  return patterns.find((pattern) => !/[!*]/.test(pattern)) ?? demoModel;
}
