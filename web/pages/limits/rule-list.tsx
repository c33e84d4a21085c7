import { useQuery } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import type { Column } from "../../ui/data-table.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { EntryList } from "./entry-list.tsx";
import { describeLimits, describeScopes, type RuleView } from "./limit-words.ts";

const columns: Column<RuleView>[] = [
  {
    id: "rule",
    header: "Rule",
    render: ({ limits, scope }) => <TitleCell title={describeLimits(limits)} note={`for ${describeScopes(scope)}`} />,
  },
  { id: "priority", header: "Rank", align: "end", render: ({ priority }) => priority ?? "always" },
];

/** Rate rules, those of the config file and those that were added. */
export function RuleList() {
  const list = useQuery(api.rules.list.queryOptions({}));
  return (
    <EntryList
      kind="rule"
      list={list}
      entries={list.data?.rules}
      columns={columns}
      emptyText="Only the limits of the keys themselves and of their owners' plans hold."
    />
  );
}
