import { useQuery } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import { useActorName } from "../../app/session.ts";
import { Badge } from "../../ui/badge.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { listPricePeriods, type PricePeriod } from "./price-periods.ts";
import { makeRateColumns } from "./rate-columns.ts";

const entriesMax = 200;

/** Prices that were set here, those that have ended too. */
export function PeriodList() {
  const nameActor = useActorName();
  const log = useQuery(api.audit.list.queryOptions({ object: "price", limit: entriesMax }));
  const columns: Column<PricePeriod>[] = [
    { id: "model", header: "Model", render: ({ model }) => <TitleCell title={model} /> },
    ...makeRateColumns<PricePeriod>(({ price }) => price),
    { id: "from", header: "From", render: ({ from }) => <RelativeTime at={from} /> },
    {
      id: "until",
      header: "Until",
      render: ({ until }) =>
        until === null ? (
          <Badge tone="good" hasDot>
            holds
          </Badge>
        ) : (
          <RelativeTime at={until} />
        ),
    },
    { id: "by", header: "Set by", priority: "low", render: ({ by }) => nameActor(by) },
  ];
  return (
    <Panel title="Prices that were set here">
      {log.isError ? (
        <FailureNotice error={log.error} title="The log could not be loaded" onRetry={() => void log.refetch()} />
      ) : (
        <DataTable
          label="Prices that were set here, USD per million tokens"
          columns={columns}
          rows={log.data === undefined ? undefined : listPricePeriods(log.data.entries)}
          getId={({ id }) => id}
          skeletonRows={2}
          empty={
            <EmptyState icon="tag" title="No price was set here yet">
              The config file and the catalogue say what models cost.
            </EmptyState>
          }
        />
      )}
    </Panel>
  );
}
