import { useQuery } from "@tanstack/react-query";
import { api, type Outputs } from "../../app/api.ts";
import { formatCount, formatMs, formatShare } from "../../format/count.ts";
import { Badge } from "../../ui/badge.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";

type HealthView = Outputs["providers"]["list"]["providers"][number];

/** As often as the processes report. */
const lookMs = 5_000;

const columns: Column<HealthView>[] = [
  {
    id: "provider",
    header: "Provider",
    render: ({ model, provider, type }) => (
      <>
        <strong>{provider}</strong> <code>{type}</code>
        <br />
        {model ?? "every model of the type"}
      </>
    ),
  },
  {
    id: "state",
    header: "Breaker",
    render: ({ state }) => (
      <Badge tone={state === "closed" ? "good" : state === "open" ? "bad" : "warn"} hasDot>
        {state === "closed" ? "called" : state === "open" ? "left alone" : "being tried"}
      </Badge>
    ),
  },
  {
    id: "rate",
    header: "Succeeded",
    align: "end",
    render: ({ successes, failures }) =>
      successes + failures === 0 ? "–" : formatShare(successes / (successes + failures)),
  },
  {
    id: "latency",
    header: "First byte",
    align: "end",
    priority: "medium",
    render: ({ latency_ms: latencyMs }) => formatMs(latencyMs),
  },
  {
    id: "flight",
    header: "In flight",
    align: "end",
    priority: "medium",
    render: ({ in_flight: inFlight }) => formatCount(inFlight),
  },
  {
    id: "failure",
    header: "Last failure",
    priority: "low",
    render: (one) =>
      one.last_failure === null ? (
        "none"
      ) : (
        <>
          <code>{one.last_failure}</code> <RelativeTime at={one.last_failure_at} />
        </>
      ),
  },
];

/** How providers do, over all gateway processes. */
export function HealthList() {
  const list = useQuery(api.providers.list.queryOptions({}, { refetchInterval: lookMs }));
  return (
    <Panel title="Health">
      {list.isError && (
        <FailureNotice
          error={list.error}
          title="The providers could not be loaded"
          onRetry={() => void list.refetch()}
        />
      )}
      {!(list.isError && list.data === undefined) && (
        <DataTable
          label="Providers"
          columns={columns}
          rows={list.data?.providers}
          getId={({ model, provider, type }) => JSON.stringify([model, provider, type])}
          isStale={list.isError}
          empty={
            <EmptyState icon="plug" title="No provider was called yet">
              It shows here within five seconds of the first call.
            </EmptyState>
          }
        />
      )}
    </Panel>
  );
}
