import type { ReactNode } from "react";
import { Badge } from "../../ui/badge.tsx";
import { Facts, Panel } from "../../ui/page.tsx";
import type { ConfigView } from "./file-panel.tsx";
import styles from "./settings.module.css";

/** What the environment says: addresses and secrets, of which only is told whether they are there. */
function makeEnvironmentFacts(config: ConfigView): [string, ReactNode][] {
  const tell = (isSet: boolean) => <Badge tone={isSet ? "good" : "neutral"}>{isSet ? "set" : "unset"}</Badge>;
  return [
    ["Role", config.role],
    ["Listens on", config.address],
    ["PostgreSQL", config.database === "embedded" ? "embedded" : <>{tell(true)} DATABASE_URL</>],
    ["Redis", <>{tell(config.redis !== null)} REDIS_URL</>],
    ["E-mail", tell(config.smtp)],
    ["Sign-in with Google", tell(config.google_sign_in)],
    ["Secret of leak reports", tell(config.leak_reports)],
  ];
}

/** Sections whose settings are single values, in the words of the file. */
const told = [
  "gateway",
  "keys",
  "auth",
  "limits",
  "rate_limiting",
  "usage",
  "journal",
  "egress",
  "log",
] as const satisfies readonly (keyof ConfigView)[];

function formatValue(value: unknown): string {
  if (value === null || value === "") return "none";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(", ");
  if (typeof value === "object") return Object.values(value).map(formatValue).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The values of each section. */
export function SectionPanels({ config }: { config: ConfigView }) {
  const counts = {
    plans: config.plans,
    functions: config.functions,
    prices: config.prices,
    permissions: config.permissions,
  };
  return (
    <div className={styles["grid"]}>
      <Panel title="From the environment">
        <Facts facts={makeEnvironmentFacts(config)} />
      </Panel>
      {told.map((name) => (
        <Panel key={name} title={<code>[{name}]</code>}>
          <Facts facts={Object.entries(config[name]).map(([key, value]) => [key, formatValue(value)] as const)} />
        </Panel>
      ))}
      <Panel title="Names in the file">
        <Facts
          facts={[
            ...Object.entries(counts).map(([key, value]) => [key, formatValue(value)] as const),
            ["budgets", String(config.budgets)],
          ]}
        />
      </Panel>
    </div>
  );
}
