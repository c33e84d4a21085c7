import { useQuery } from "@tanstack/react-query";
import { api, type Outputs } from "../../app/api.ts";
import { Badge } from "../../ui/badge.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";

type RuleView = Outputs["rules"]["list"]["rules"][number];

const columns: Column<RuleView>[] = [
  {
    id: "scope",
    header: "Holds for",
    render: ({ scope }) => (scope.length === 0 ? "every call" : <code>{JSON.stringify(scope)}</code>),
  },
  { id: "limits", header: "Limits", render: ({ limits }) => <code>{JSON.stringify(limits)}</code> },
  {
    id: "priority",
    header: "Priority",
    align: "end",
    priority: "medium",
    render: ({ priority }) => priority ?? "always",
  },
  { id: "source", header: "From", priority: "medium", render: ({ source }) => <Badge>{source}</Badge> },
];

/** Rate rules, those of the config file and those of the admin API. */
export function RuleList() {
  const list = useQuery(api.rules.list.queryOptions({}));
  return (
    <Panel title="Rate rules">
      {list.isError ? (
        <FailureNotice error={list.error} title="The rules could not be loaded" onRetry={() => void list.refetch()} />
      ) : (
        <DataTable
          label="Rate rules"
          columns={columns}
          rows={list.data?.rules}
          getId={({ id }) => id}
          skeletonRows={2}
          empty={
            <EmptyState icon="gauge" title="No rate rule">
              Write one under [rate_limiting] in the config file, or make one over the admin API.
            </EmptyState>
          }
        />
      )}
    </Panel>
  );
}
