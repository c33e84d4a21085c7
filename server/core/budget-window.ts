import type { BudgetTerms } from "./budget.ts";
import { findPeriod } from "./period.ts";

/** One period of one budget. Its id is the same on every process, whatever the limit is at the moment. */
export interface BudgetWindow {
  id: string;
  terms: BudgetTerms;
  startMs: number;
  /** Infinity for a budget that never begins anew. */
  endMs: number;
}

/** The windows of all budgets that hold for one key, and how long that answer stands. */
export interface KeyBudgets {
  windows: readonly BudgetWindow[];
  /** Of the rules beyond the key's own budgets. */
  rulesVersion: number;
  /** Until the first of the windows ends; milliseconds since 1970 by database time. */
  untilMs: number;
}

/**
 * The window that an instant falls into.
 *
 * @param atMs milliseconds since 1970 by database time.
 */
export function makeBudgetWindow(terms: BudgetTerms, atMs: number): BudgetWindow {
  const { startMs, endMs } = findPeriod(terms, atMs);
  const { level, subject, period, timezone } = terms;
  const name = timezone === "UTC" ? period : `${period}@${encodeURIComponent(timezone)}`;
  // Encoded, so that no owner and no tag can name the window of somebody else, nor end a list of ids.
  return { id: `${level}/${encodeURIComponent(subject)}/${name}/${startMs}`, terms, startMs, endMs };
}
