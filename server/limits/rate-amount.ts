import { makeNanoCount } from "../core/money.ts";
import type { RateLimit } from "../core/rate-limit.ts";
import type { RateAmounts } from "./rate-windows.ts";

/** The part of a call's amounts that a limit counts. */
export function findAmount(limit: RateLimit, amounts: RateAmounts): number {
  switch (limit.resource) {
    case "model_inferences":
    case "requests":
      return amounts.requests;
    case "tokens":
      return amounts.inputTokens + amounts.outputTokens;
    case "input_tokens":
      return amounts.inputTokens;
    case "output_tokens":
      return amounts.outputTokens;
    case "cost":
      return makeNanoCount(amounts.cost);
  }
}

/**
 * What a call is counted as until it has ended. A bound of tokens or cost is never more than the whole limit, so that a call
 * which could use more may run alone; a number of requests is what it is.
 *
 * @param times how often each use counts, see `MemoryWindows`.
 */
export function findReservation(limit: RateLimit, amounts: RateAmounts, isBound: boolean, times = 1): number {
  const amount = findAmount(limit, amounts) * times;
  const isCount = limit.resource === "requests" || limit.resource === "model_inferences";
  return isBound && !isCount ? Math.min(amount, limit.limit) : amount;
}
