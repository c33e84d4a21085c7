import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { PageHeader, Stack } from "../../ui/page.tsx";
import { BudgetList } from "./budget-list.tsx";
import { RuleList } from "./rule-list.tsx";
import { WindowList } from "./window-list.tsx";

export function LimitsPage() {
  return (
    <AdminsOnly>
      <PageHeader
        title="Limits"
        tabTitle="Limits"
        description="What is spent of each budget, and the rules and budgets that hold for more than one key."
      />
      <Stack>
        <WindowList />
        <BudgetList />
        <RuleList />
      </Stack>
    </AdminsOnly>
  );
}
