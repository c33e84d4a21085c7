import { useQuery } from "@tanstack/react-query";
import { api, type Outputs } from "../../app/api.ts";
import { useActorName } from "../../app/session.ts";
import { formatCount } from "../../format/count.ts";
import { formatDay } from "../../format/time.ts";
import { formatMoney } from "../../format/usd.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";

type RunView = Outputs["usage"]["listRerates"]["runs"][number];

/** While a run goes on, it is looked at again and again. */
const lookMs = 2_000;

/** Re-ratings that were asked for, newest first. */
export function RerateList({ onAsk }: { onAsk: () => void }) {
  const nameActor = useActorName();
  const list = useQuery(
    api.usage.listRerates.queryOptions(
      { limit: 20 },
      { refetchInterval: ({ state }) => (state.data?.runs.some((run) => run.state === "running") ? lookMs : false) },
    ),
  );
  const columns: Column<RunView>[] = [
    {
      id: "what",
      header: "Calls",
      render: ({ from, to, models }) => (
        <TitleCell title={`${formatDay(from)} to ${formatDay(to)}`} note={models?.join(", ") ?? "all models"} />
      ),
    },
    {
      id: "state",
      header: "State",
      render: ({ state }) => (
        <Badge tone={state === "finished" ? "good" : "accent"} hasDot>
          {state}
        </Badge>
      ),
    },
    { id: "events", header: "Adjusted", align: "end", render: ({ events }) => formatCount(events) },
    { id: "delta", header: "Cost more by", align: "end", render: ({ delta_usd: delta }) => formatMoney(delta) },
    { id: "by", header: "Asked by", priority: "low", render: ({ actor }) => nameActor(actor) },
    { id: "at", header: "When", priority: "medium", render: (run) => <RelativeTime at={run.created_at} /> },
  ];
  return (
    <Panel
      title="Re-rating"
      actions={
        <Button size="small" onClick={onAsk}>
          Re-rate calls
        </Button>
      }
    >
      {list.isError ? (
        <FailureNotice error={list.error} title="The runs could not be loaded" onRetry={() => void list.refetch()} />
      ) : (
        <DataTable
          label="Re-ratings"
          columns={columns}
          rows={list.data?.runs}
          getId={({ run_id: id }) => String(id)}
          skeletonRows={2}
          empty={
            <EmptyState icon="refresh" title="Nothing was re-rated yet">
              It brings the cost of past calls to the prices of now, by adjustments beside them.
            </EmptyState>
          }
        />
      )}
    </Panel>
  );
}
