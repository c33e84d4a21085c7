import type { Outputs } from "../../app/api.ts";
import { formatCount } from "../../format/count.ts";
import { findSpentShare, formatCap, formatMoney } from "../../format/usd.ts";
import { Badge } from "../../ui/badge.tsx";
import { Meter } from "../../ui/meter.tsx";
import { EmptyState } from "../../ui/notice.tsx";
import { Facts, Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import styles from "./key.module.css";

type KeyDetail = Outputs["keys"]["get"];

const periodNames: Readonly<Record<string, string>> = {
  day: "each day",
  week: "each week",
  month: "each month",
  total: "in all",
};

/** Budgets as they stand now, rates, and what the key may do and where. */
export function KeyLimits({ apiKey }: { apiKey: KeyDetail }) {
  const { budgets } = apiKey;
  const rates = Object.entries(apiKey.rate_limits);
  return (
    <div className={styles["grid"]}>
      <Panel title="Budgets">
        {budgets.length === 0 ? (
          <EmptyState icon="gauge" title="No budget">
            This key can spend without a limit of its own. Edit it to set one.
          </EmptyState>
        ) : (
          <div className={styles["stack"]}>
            {budgets.map((budget) => (
              <div key={`${budget.period} ${budget.timezone ?? ""}`} className={styles["stack"]}>
                <Meter
                  label={`Budget, ${periodNames[budget.period] ?? `every ${budget.period}`}`}
                  share={findSpentShare(budget)}
                  used={`${formatMoney(budget.spent_usd)} spent`}
                  cap={`${formatCap(budget)} ${periodNames[budget.period] ?? `every ${budget.period}`}`}
                />
                <Facts
                  facts={[
                    ["Left", formatMoney(budget.remaining_usd)],
                    ["Held for calls", formatMoney(budget.reserved_usd)],
                    ...(budget.extra_usd === "0" ? [] : [["Added for now", formatMoney(budget.extra_usd)] as const]),
                    ["Begins anew", <RelativeTime key="at" at={budget.resets_at} />],
                  ]}
                />
              </div>
            ))}
          </div>
        )}
      </Panel>
      <Panel title="Rates">
        {rates.length === 0 && apiKey.max_output_tokens === null ? (
          <EmptyState icon="gauge" title="No rate limit">
            Only the limits of the gateway hold.
          </EmptyState>
        ) : (
          <Facts
            facts={[
              ...rates.map(([name, limit]) => [name.replaceAll("_", " "), formatCount(limit)] as const),
              ...(apiKey.max_output_tokens === null
                ? []
                : [["output tokens per call", formatCount(apiKey.max_output_tokens)] as const]),
            ]}
          />
        )}
      </Panel>
      <Panel title="What it may do">
        <Facts
          facts={[
            ["Permissions", <List key="p" values={apiKey.permissions} none="nothing" />],
            ["Models", <List key="m" values={apiKey.models} none="none" />],
            ["Networks", <List key="n" values={apiKey.allowed_ips} none="any" />],
            ["Origins", <List key="o" values={apiKey.allowed_origins} none="any" />],
            [
              "Tags",
              <List
                key="t"
                values={Object.entries(apiKey.tags).map(([name, value]) => `${name}=${value}`)}
                none="none"
              />,
            ],
            [
              "When a client leaves",
              apiKey.on_disconnect === "drain" ? "the call is read to its end" : "the call is cut",
            ],
          ]}
        />
      </Panel>
      <Panel title="About">
        <Facts
          facts={[
            ["Type", apiKey.type],
            ["What it is for", apiKey.description ?? "–"],
            ["Owner", apiKey.owner_id ?? "the operator"],
            ["Made", <RelativeTime key="c" at={apiKey.created_at} />],
            ["Secret made", <RelativeTime key="r" at={apiKey.rotated_at ?? apiKey.created_at} />],
            ["Last used", <RelativeTime key="l" at={apiKey.last_used_at} />],
            ["Last used from", apiKey.last_used_ip ?? "–"],
            ["Expires", <RelativeTime key="e" at={apiKey.expires_at} />],
          ]}
        />
      </Panel>
    </div>
  );
}

function List({ values, none }: { values: readonly string[]; none: string }) {
  if (values.length === 0) return <span>{none}</span>;
  return (
    <span className={styles["title"]} style={{ gap: 4 }}>
      {values.map((value) => (
        <Badge key={value}>{value}</Badge>
      ))}
    </span>
  );
}
