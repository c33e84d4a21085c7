import { useState } from "react";
import { demoModel, keyVariable, makeSnippets } from "../../app/snippets.ts";
import { CodeBlock } from "../../ui/code-block.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import { TryKey } from "./try-key.tsx";

/** Ways to use a key whose plaintext is at hand. */
export function KeyUses({ secret, models }: { secret: string; models: readonly string[] }) {
  const [tab, setTab] = useState("env");
  const { origin } = location;
  const model = findCallableModel(models);
  const snippets = [
    { id: "env", label: ".env", code: `${keyVariable}=${secret}\nOPENAI_BASE_URL=${origin}/v1` },
    ...makeSnippets(origin, secret, model),
  ];
  return (
    <>
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
    </>
  );
}

/** A model that the key's allowlist names, or the one that answers everywhere. */
function findCallableModel(patterns: readonly string[]): string {
  if (patterns.some((pattern) => pattern === "*" || pattern === "echo::*" || pattern === demoModel)) return demoModel;
  return patterns.find((pattern) => !/[!*]/.test(pattern)) ?? demoModel;
}
