import type { Outputs } from "../../app/api.ts";
import { findShare, toPlotValue } from "../../format/usd.ts";

export type BudgetView = Outputs["keys"]["get"]["budgets"][number];

/** What is left then covers hardly any call: they are refused before the last fraction is spent. */
const exhaustedShare = 0.99;

/** True where calls are refused, or nearly all of them: one of the budgets is spent. */
export function isBudgetExhausted(budgets: readonly BudgetView[]): boolean {
  return budgets.some(({ spent_usd: spent, limit_usd: limit, extra_usd: extra }) => {
    const all = toPlotValue(limit) + toPlotValue(extra);
    return toPlotValue(spent) >= all * exhaustedShare;
  });
}

/** The budget that is used up the furthest. */
export function findTightestBudget(budgets: readonly BudgetView[]): BudgetView | undefined {
  return budgets.toSorted((a, b) => findShare(b.spent_usd, b.limit_usd) - findShare(a.spent_usd, a.limit_usd))[0];
}
