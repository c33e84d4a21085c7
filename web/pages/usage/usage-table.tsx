import { Link } from "@tanstack/react-router";
import { formatBytes, formatCount, formatMs, formatShare, formatShort } from "../../format/count.ts";
import { formatMoney } from "../../format/usd.ts";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState } from "../../ui/notice.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import styles from "./usage.module.css";
import { findGroupName, type UsageRow } from "./usage-group.ts";
import { type UsageGroup, usageGroups } from "./usage-search.ts";

/** The groups of a range, the most first, with what they were before where that was asked for. */
export function UsageTable({
  by,
  rows,
  isStale,
}: {
  by: string;
  rows: readonly UsageRow[] | undefined;
  isStale: boolean;
}) {
  const header = by.startsWith("tag:") ? by.slice(4) : usageGroups[by as UsageGroup].label;
  const columns: Column<UsageRow>[] = [
    { id: "group", header, render: (row) => <GroupName row={row} by={by} /> },
    {
      id: "requests",
      header: "Requests",
      align: "end",
      render: (row) => withBefore(formatCount(row.requests), row.previous && formatCount(row.previous.requests)),
    },
    {
      id: "errors",
      header: "Errors",
      align: "end",
      render: (row) => withBefore(formatShare(row.error_rate), row.previous && formatShare(row.previous.error_rate)),
    },
    { id: "refused", header: "Refused", align: "end", priority: "medium", render: (row) => formatCount(row.refusals) },
    {
      id: "cost",
      header: "Cost",
      align: "end",
      render: (row) => withBefore(formatMoney(row.cost_usd), row.previous && formatMoney(row.previous.cost_usd)),
    },
    {
      id: "input",
      header: "Tokens in",
      align: "end",
      priority: "medium",
      render: (row) => formatShort(row.input_tokens + row.cached_input_tokens),
    },
    {
      id: "output",
      header: "Tokens out",
      align: "end",
      priority: "medium",
      render: (row) => formatShort(row.output_tokens),
    },
    { id: "p95", header: "p95", align: "end", priority: "medium", render: (row) => formatMs(row.latency_ms.p95) },
    {
      id: "first",
      header: "First token p95",
      align: "end",
      priority: "low",
      render: (row) => formatMs(row.first_token_ms.p95),
    },
    {
      id: "bytes",
      header: "Sent out",
      align: "end",
      priority: "low",
      render: (row) => formatBytes(row.bytes_out),
    },
    {
      id: "last",
      header: "Last call",
      align: "end",
      priority: "low",
      render: (row) => <RelativeTime at={row.last_used_at} />,
    },
  ];
  return (
    <DataTable
      label={`Usage by ${header.toLowerCase()}`}
      columns={columns}
      rows={rows}
      isStale={isStale}
      getId={(row) => `${row.other === true}:${findGroupName(row, by)}`}
      empty={
        <EmptyState icon="chart" title="No call matches in this range">
          Choose a longer range, or clear a filter. Calls are counted here about a second after they end.
        </EmptyState>
      }
    />
  );
}

function GroupName({ row, by }: { row: UsageRow; by: string }) {
  const name = findGroupName(row, by);
  if (by !== "key" || row.other === true || name === "none") return <span className={styles["mono"]}>{name}</span>;
  return (
    <Link to="/api-keys/$publicId" params={{ publicId: name }} className={styles["mono"]}>
      {name}
    </Link>
  );
}

function withBefore(now: string, before: string | undefined) {
  if (before === undefined) return now;
  return (
    <>
      {now} <span className={styles["before"]}>{before} before</span>
    </>
  );
}
