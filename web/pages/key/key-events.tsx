import { useQuery } from "@tanstack/react-query";
import { api, type Outputs } from "../../app/api.ts";
import { formatMs, formatShort } from "../../format/count.ts";
import { formatMoney } from "../../format/usd.ts";
import { Badge } from "../../ui/badge.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import styles from "./key.module.css";

type Event = Outputs["usage"]["events"]["events"][number];

const refreshMs = 3_000;
const failedStatus = 400;

const columns: readonly Column<Event>[] = [
  { id: "at", header: "When", render: (event) => <RelativeTime at={event.at} /> },
  { id: "model", header: "Model", render: (event) => <span className={styles["mono"]}>{event.model}</span> },
  {
    id: "status",
    header: "Status",
    render: (event) => (
      <Badge tone={event.status >= failedStatus ? "bad" : "good"}>
        {event.status}
        {event.code === null ? "" : ` ${event.code}`}
      </Badge>
    ),
  },
  {
    id: "tokens",
    header: "Tokens in, out",
    align: "end",
    priority: "medium",
    render: (event) => `${formatShort(event.input_tokens)}, ${formatShort(event.output_tokens)}`,
  },
  {
    id: "cost",
    header: "Cost",
    align: "end",
    render: (event) => (event.cost_usd === null ? "no price" : formatMoney(event.cost_usd)),
  },
  {
    id: "latency",
    header: "Latency",
    align: "end",
    priority: "medium",
    render: (event) => formatMs(event.latency_ms),
  },
  {
    id: "first",
    header: "First token",
    align: "end",
    priority: "low",
    render: (event) => formatMs(event.first_token_ms),
  },
  { id: "ip", header: "From", priority: "low", render: (event) => event.origin ?? event.client_ip },
];

/** The last calls of a key, asked for anew while somebody looks. */
export function KeyEvents({ publicId }: { publicId: string }) {
  const events = useQuery(
    api.usage.events.queryOptions({ public_id: publicId, limit: 50 }, { refetchInterval: refreshMs }),
  );
  if (events.isError && events.data === undefined) {
    return (
      <FailureNotice error={events.error} title="The calls could not be loaded" onRetry={() => void events.refetch()} />
    );
  }
  return (
    <DataTable
      label="Recent calls"
      columns={columns}
      rows={events.data?.events}
      getId={(event) => event.id}
      isStale={events.isError}
      empty={
        <EmptyState icon="pulse" title="No call yet">
          A call is seen here within seconds. The quick start has one to copy.
        </EmptyState>
      }
    />
  );
}
