import type { ApiKey } from "./api-key.ts";
import type { BudgetTerms } from "./budget.ts";
import { type BudgetWindow, makeBudgetWindow } from "./budget-window.ts";

type BudgetedKey = Pick<ApiKey, "publicId" | "budgets" | "createdAt" | "version">;

/** A key's own budgets as terms, in the order in which the key names them. */
export function makeKeyTerms(key: BudgetedKey): BudgetTerms[] {
  return key.budgets.map(({ limitNanoUsd, period, timezone }) => ({
    level: "key",
    subject: key.publicId,
    limitNanoUsd,
    period,
    timezone: timezone ?? "UTC",
    anchorMs: key.createdAt.getTime(),
    version: key.version,
  }));
}

/**
 * The windows that a key's own budgets have now, in the order in which the key names them.
 *
 * @param nowMs milliseconds since 1970 by database time.
 */
export function makeKeyWindows(key: BudgetedKey, nowMs: number): BudgetWindow[] {
  return makeKeyTerms(key).map((terms) => makeBudgetWindow(terms, nowMs));
}
