import type { BudgetWindow } from "../core/budget-window.ts";
import type { Refusal } from "../core/error.ts";
import type { BudgetHold, BudgetShortage } from "../limits/budget-hold.ts";
import { countInputTokens } from "../providers/token-count.ts";
import { type Admission, makeCounted, makeSmaller } from "./admit.ts";
import { makeBudgetRefusal } from "./budget-refusal.ts";
import type { ProxyContext } from "./context.ts";
import type { ParsedInference } from "./parse.ts";

/** A call whose cost is held in all of its budgets. */
export interface BudgetedCall {
  hold: BudgetHold;
  /** With the output cap that the held money allows. */
  admission: Admission;
}

/** A tokenizer is not asked where even this many bytes for each token would not help. */
const bytesPerTokenMost = 8;
/** Nor for more than this: it takes about a millisecond for each 20 KB. */
const countedBytesMax = 262_144;

/**
 * Holds what a call may cost in all of its budgets, or nothing. Answers at once where this process holds enough.
 *
 * @param windows at least one.
 */
export function reserveBudget(
  proxy: ProxyContext,
  windows: readonly BudgetWindow[],
  request: ParsedInference,
  admission: Admission,
): BudgetedCall | Refusal | Promise<BudgetedCall | Refusal> {
  const outcome = proxy.budgets.reserve(windows, admission.leastNanoUsd, admission.reservedNanoUsd);
  if (outcome instanceof Promise || !outcome.ok) return awaitBudget(proxy, windows, request, admission, outcome);
  return makeBudgetedCall(outcome, request, admission);
}

async function awaitBudget(
  proxy: ProxyContext,
  windows: readonly BudgetWindow[],
  request: ParsedInference,
  admission: Admission,
  pending: BudgetShortage | Promise<BudgetHold | BudgetShortage>,
): Promise<BudgetedCall | Refusal> {
  const outcome = await pending;
  if (outcome.ok) return makeBudgetedCall(outcome, request, admission);
  const counted = await countInput(request, admission, outcome);
  if (counted !== null) {
    const again = await proxy.budgets.reserve(windows, counted.leastNanoUsd, counted.reservedNanoUsd);
    if (again.ok) return makeBudgetedCall(again, request, counted);
  }
  proxy.metrics.observeBudgetRefusal(outcome.window?.terms.level ?? "", outcome.reason);
  return makeBudgetRefusal(outcome, proxy.config.limits.budgetExceededStatus);
}

function makeBudgetedCall(hold: BudgetHold, request: ParsedInference, admission: Admission): BudgetedCall {
  if (hold.amount === admission.reservedNanoUsd) return { hold, admission };
  return { hold, admission: makeSmaller(admission, hold.amount, request.choices) };
}

/** The call with its input counted by a tokenizer, where that may let it fit; else `null`. */
async function countInput(
  request: ParsedInference,
  admission: Admission,
  shortage: BudgetShortage,
): Promise<Admission | null> {
  if (shortage.reason === "store" || request.body.length > countedBytesMax) return null;
  const best = makeCounted(admission, Math.ceil(request.body.length / bytesPerTokenMost), request);
  if (best.leastNanoUsd > shortage.spendable) return null;
  let tokens = 0;
  for (const { upstreamModel } of admission.targets) {
    const count = await countInputTokens(request.json, upstreamModel);
    if (count === null) return null;
    tokens = Math.max(tokens, count);
  }
  return tokens < admission.inputTokensBound ? makeCounted(admission, tokens, request) : null;
}
