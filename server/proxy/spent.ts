import { makeCharge } from "../core/price.ts";
import { addTokens, type TokenUsage } from "../core/usage.ts";
import type { ProviderTarget } from "../providers/types.ts";
import type { AttemptResult } from "./attempt.ts";
import { findReportedUsage } from "./reported-usage.ts";

/** What an attempt cost whose answer was not passed on. */
export interface Spent {
  tokens: TokenUsage;
  /** 0 where the provider has no price. */
  costNanoUsd: bigint;
}

/** Providers charge for failures where they say so themselves, with a usage in the error. `null`: it said nothing. */
export function findSpent(result: AttemptResult, target: ProviderTarget): Spent | null {
  if (result.kind !== "answered") return null;
  // The gateways and servers that say so are OpenAI-shaped.
  const reported = findReportedUsage(result.body, "chat_completions");
  if (reported === null || !reported.ok) return null;
  const tokens = reported.usage;
  return { tokens, costNanoUsd: target.price === null ? 0n : makeCharge(target.price, tokens) };
}

export function addSpent(a: Spent, b: Spent): Spent {
  return { tokens: addTokens(a.tokens, b.tokens), costNanoUsd: a.costNanoUsd + b.costNanoUsd };
}
