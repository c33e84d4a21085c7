import type { Outputs } from "../../app/api.ts";
import { findShare } from "../../format/usd.ts";

export type BudgetView = Outputs["keys"]["get"]["budgets"][number];

/** True where nothing is left of one of the budgets: calls are refused. */
export function isBudgetExhausted(budgets: readonly BudgetView[]): boolean {
  // Text of a decimal: zero is written without places.
  return budgets.some((budget) => budget.remaining_usd === "0" && budget.spent_usd !== "0");
}

/** The budget that is used up the furthest. */
export function findTightestBudget(budgets: readonly BudgetView[]): BudgetView | undefined {
  return budgets.toSorted((a, b) => findShare(b.spent_usd, b.limit_usd) - findShare(a.spent_usd, a.limit_usd))[0];
}
