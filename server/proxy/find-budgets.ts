import type { BudgetTerms } from "../core/budget.ts";
import { type BudgetWindow, makeBudgetWindow } from "../core/budget-window.ts";
import { makeKeyTerms } from "../core/key-budgets.ts";
import type { KnownKey } from "../keys/known-key.ts";

/** Finds the budgets beyond a key's own. */
export interface BudgetRules {
  /** Changes whenever an answer may. */
  readonly version: number;
  findBudgets(key: KnownKey["key"]): readonly BudgetTerms[];
}

/**
 * The windows that a call is charged to; empty where no budget holds for its key.
 *
 * @param nowMs milliseconds since 1970 by database time.
 */
export function findBudgets(known: KnownKey, rules: BudgetRules, nowMs: number): readonly BudgetWindow[] {
  const held = known.budgets;
  if (held !== null && nowMs < held.untilMs && held.rulesVersion === rules.version) return held.windows;
  const terms = [...makeKeyTerms(known.key), ...rules.findBudgets(known.key)];
  const windows = terms.map((one) => makeBudgetWindow(one, nowMs));
  const untilMs = windows.reduce((first, { endMs }) => Math.min(first, endMs), Number.POSITIVE_INFINITY);
  known.budgets = { windows, rulesVersion: rules.version, untilMs };
  return windows;
}
