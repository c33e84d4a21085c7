import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Outputs } from "../../app/api.ts";
import { formatMs, formatShare, formatShort } from "../../format/count.ts";
import { formatMoney } from "../../format/usd.ts";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Segments } from "../../ui/segments.tsx";
import styles from "./key.module.css";

type UsageRow = Outputs["usage"]["query"]["rows"][number];

const groups = {
  model: "Model",
  status: "Status",
  client_network: "Network",
  origin: "Origin",
  endpoint: "Endpoint",
  provider: "Provider",
} as const;
type Group = keyof typeof groups;
const topMax = 20;

/** The usage of a key by one property of its calls, the most first. */
export function KeyBreakdown({ publicId, from }: { publicId: string; from: string }) {
  const [group, setGroup] = useState<Group>("model");
  const usage = useQuery(
    api.usage.query.queryOptions(
      { public_id: publicId, from, group_by: [group], top: topMax },
      { placeholderData: keepPreviousData },
    ),
  );
  const columns: Column<UsageRow>[] = [
    {
      id: "group",
      header: groups[group],
      render: (row) => (
        <span className={styles["mono"]}>{row.other === true ? "all others" : String(row[group] ?? "none")}</span>
      ),
    },
    { id: "requests", header: "Requests", align: "end", render: (row) => formatShort(row.requests) },
    { id: "errors", header: "Errors", align: "end", render: (row) => formatShare(row.error_rate) },
    {
      id: "tokens",
      header: "Tokens in, out",
      align: "end",
      priority: "medium",
      render: (row) => `${formatShort(row.input_tokens)}, ${formatShort(row.output_tokens)}`,
    },
    { id: "cost", header: "Cost", align: "end", render: (row) => formatMoney(row.cost_usd) },
    {
      id: "latency",
      header: "p95",
      align: "end",
      priority: "medium",
      render: (row) => formatMs(row.latency_ms.p95),
    },
  ];
  return (
    <section style={{ marginTop: 20 }} aria-label="Usage by property">
      <div className={styles["controls"]}>
        <h2>By</h2>
        <Segments
          label="Group by"
          value={group}
          onChange={setGroup}
          options={(Object.keys(groups) as Group[]).map((name) => [name, groups[name]] as const)}
        />
      </div>
      {usage.isError ? (
        <FailureNotice
          error={usage.error}
          title="The breakdown could not be loaded"
          onRetry={() => void usage.refetch()}
        />
      ) : (
        <DataTable
          label={`Usage by ${groups[group].toLowerCase()}`}
          columns={columns}
          rows={usage.isPlaceholderData ? undefined : usage.data?.rows}
          getId={(row) => String(row.other === true ? "other" : (row[group] ?? ""))}
          skeletonRows={3}
          empty={<EmptyState icon="chart" title="No call in this range" />}
        />
      )}
    </section>
  );
}
