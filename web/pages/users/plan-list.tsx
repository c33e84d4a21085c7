import { useQuery } from "@tanstack/react-query";
import { api, type Outputs } from "../../app/api.ts";
import { formatCount } from "../../format/count.ts";
import { formatMoney } from "../../format/usd.ts";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";

type PlanView = Outputs["plans"]["list"]["plans"][number];

const columns: Column<PlanView>[] = [
  { id: "name", header: "Plan", render: ({ name }) => <strong>{name}</strong> },
  { id: "keys", header: "Keys", align: "end", render: ({ keys }) => formatCount(keys) },
  {
    id: "budget",
    header: "Budget per key, 30 d",
    align: "end",
    render: ({ budget_usd: budget }) => (budget === null ? "no ceiling" : formatMoney(budget)),
  },
  {
    id: "rpm",
    header: "Requests per minute",
    align: "end",
    priority: "medium",
    render: ({ requests_per_minute: rpm }) => (rpm === null ? "no ceiling" : formatCount(rpm)),
  },
  { id: "models", header: "Models", priority: "medium", render: ({ models }) => models.join(", ") },
  { id: "rotate", header: "Rotation", priority: "low", render: ({ rotate }) => (rotate ? "allowed" : "not allowed") },
];

/** The plans of the config file, with their ceilings. */
export function PlanList() {
  const plans = useQuery(api.plans.list.queryOptions({}));
  return (
    <Panel title="Plans of the config file">
      {plans.isError ? (
        <FailureNotice error={plans.error} title="The plans could not be loaded" onRetry={() => void plans.refetch()} />
      ) : (
        <DataTable
          label="Plans"
          columns={columns}
          rows={plans.data?.plans}
          getId={({ name }) => name}
          skeletonRows={2}
          empty={<p>The config file has no plans. Add one under [plans] and reload.</p>}
        />
      )}
    </Panel>
  );
}
