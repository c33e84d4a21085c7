import type { Outputs } from "../../app/api.ts";
import { findSpentShare } from "../../format/usd.ts";

export type BudgetView = Outputs["keys"]["get"]["budgets"][number];

/** What is left then covers hardly any call: they are refused before the last fraction is spent. */
const exhaustedShare = 0.99;

/** True where calls are refused, or nearly all of them: one of the budgets is spent. */
export function isBudgetExhausted(budgets: readonly BudgetView[]): boolean {
  return budgets.some((budget) => findSpentShare(budget) >= exhaustedShare);
}

/** The budget that is used up the furthest. */
export function findTightestBudget(budgets: readonly BudgetView[]): BudgetView | undefined {
  return budgets.toSorted((a, b) => findSpentShare(b) - findSpentShare(a))[0];
}
