import { useQuery } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import { formatMoney } from "../../format/usd.ts";
import type { Column } from "../../ui/data-table.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { EntryList } from "./entry-list.tsx";
import { type BudgetView, describeBudgetScope, describePeriod } from "./limit-words.ts";

const columns: Column<BudgetView>[] = [
  {
    id: "budget",
    header: "Budget",
    render: ({ limit_usd: limit, period, timezone, scope }) => (
      <TitleCell
        title={`${formatMoney(limit)} ${describePeriod(period, timezone)}`}
        note={`for ${describeBudgetScope(scope)}`}
      />
    ),
  },
];

/** Budgets for more than one key, those of the config file and those that were added. */
export function BudgetList() {
  const list = useQuery(api.budgets.list.queryOptions({}));
  return (
    <EntryList
      kind="budget"
      list={list}
      entries={list.data?.budgets}
      columns={columns}
      emptyText="Only the budgets of the keys themselves hold. Add one for owners, for a tag, or for all."
    />
  );
}
