import { makeRefusal, type Refusal } from "../core/error.ts";
import type { BudgetShortage } from "../limits/budget-hold.ts";

const owners = {
  key: "of this key",
  owner: "of this key's owner",
  tag: "of this key's customer",
  deployment: "of this gateway",
} as const;

/**
 * What a client is told whose call does not fit its budgets: no figures, which are not the client's to know at every level.
 *
 * @param status 429 or 402, as it is configured.
 */
export function makeBudgetRefusal({ reason, window }: BudgetShortage, status: number): Refusal {
  if (reason === "store" || window === null) {
    return makeRefusal("store_unavailable", "The budget cannot be looked up; retry soon.", { retryAfterSeconds: 1 });
  }
  const { terms, endMs } = window;
  const name = `The ${terms.period} budget ${owners[terms.level]}`;
  if (reason === "held") {
    const message = `${name} is held by calls that are running; retry when they have ended.`;
    return makeRefusal("budget_exceeded", message, { status, retryAfterSeconds: 1 });
  }
  if (!Number.isFinite(endMs)) return makeRefusal("budget_exceeded", `${name} does not cover this call.`, { status });
  const resetsAt = new Date(endMs).toISOString();
  const message = `${name} does not cover this call; it begins anew at ${resetsAt}.`;
  return makeRefusal("budget_exceeded", message, { status, resetsAt });
}
