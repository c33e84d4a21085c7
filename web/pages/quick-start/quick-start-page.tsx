import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { demoModel, keyVariable, makeSnippets } from "../../app/snippets.ts";
import { makeButtonClass } from "../../ui/button.tsx";
import { CodeBlock } from "../../ui/code-block.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { PageHeader, Panel } from "../../ui/page.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import styles from "./quick-start.module.css";

/** From nothing to a metered call, with this gateway's own address in every snippet. */
export function QuickStartPage() {
  const [model, setModel] = useState(demoModel);
  const [client, setClient] = useState("curl");
  const keys = useQuery(api.keys.list.queryOptions({ limit: 1, state: "active" }));
  const [first] = keys.data?.api_keys ?? [];
  const { origin } = location;
  return (
    <>
      <PageHeader
        title="Quick start"
        tabTitle="Quick start"
        description="From nothing to a call that is limited and metered."
      />
      <ol className={styles["steps"]}>
        <li>
          <Panel title="1. Make a key">
            <p className={styles["text"]}>
              {first === undefined
                ? "A key is shown once, when it is made. Give it a budget, so that it can never cost more."
                : "You have a key that works. Make another for each program, so that each has its own limits."}
            </p>
            <Link to="/api-keys" search={{ create: true }} className={makeButtonClass({ variant: "primary" })}>
              Create a key
            </Link>
          </Panel>
        </li>
        <li>
          <Panel title="2. Keep it in the environment">
            <CodeBlock label="the .env lines" code={`${keyVariable}=prod_…\nOPENAI_BASE_URL=${origin}/v1`} />
            <p className={styles["note"]}>Never in code that others see, and never in a page: pages get client keys.</p>
          </Panel>
        </li>
        <li>
          <Panel title="3. Call a model">
            <div className={styles["model"]}>
              <Field
                label="Model"
                hint="echo::hello answers what it was sent, costs almost nothing and needs no provider."
              >
                {(control) => (
                  <TextInput {...control} isMono value={model} onChange={(event) => setModel(event.target.value)} />
                )}
              </Field>
            </div>
            <Tabs
              label="Clients"
              value={client}
              onChange={setClient}
              tabs={makeSnippets(origin, null, model).map(({ id, label, code }) => ({
                id,
                label,
                content: <CodeBlock label={`the ${label} call`} code={code} />,
              }))}
            />
          </Panel>
        </li>
        <li>
          <Panel title="4. See what it cost">
            <p className={styles["text"]}>
              Requests, tokens, errors and cost are counted within seconds
              {first === undefined ? "." : ", on the page of each key."}
            </p>
            {first !== undefined && (
              <Link
                to="/api-keys/$publicId"
                params={{ publicId: first.public_id }}
                className={makeButtonClass({ variant: "secondary" })}
              >
                Open {first.alias}
              </Link>
            )}
          </Panel>
        </li>
      </ol>
    </>
  );
}
