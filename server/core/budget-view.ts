import { z } from "zod";
import type { ApiKey } from "./api-key.ts";
import { makeKeyWindows } from "./key-budgets.ts";
import { formatUsd, type NanoUsd } from "./money.ts";
import { wireInstantOut } from "./wire-types.ts";

/** What happened in a window. Nano-USD. */
export interface BudgetAmounts {
  /** What an admin added for this period. */
  extraNanoUsd: NanoUsd;
  /** The sum of the events. */
  settledNanoUsd: NanoUsd;
  /** Held for calls that run, and lent to gateways ahead of calls. */
  leasedNanoUsd: NanoUsd;
}

const unused: BudgetAmounts = { extraNanoUsd: 0n, settledNanoUsd: 0n, leasedNanoUsd: 0n };

export const budgetAmountsView = z.object({
  limit_usd: z.string(),
  extra_usd: z.string().describe("What an admin added for this period."),
  spent_usd: z.string(),
  reserved_usd: z.string().describe("Held for calls that run, and lent to gateways ahead of calls."),
  remaining_usd: z.string().describe("limit_usd + extra_usd - spent_usd - reserved_usd, and never below 0."),
});

/** A budget of a key in its current period. */
export const budgetView = z.object({
  period: z.string(),
  timezone: z.string().optional(),
  ...budgetAmountsView.shape,
  starts_at: wireInstantOut,
  resets_at: wireInstantOut.nullable().describe("When it begins anew; null for a budget that never does."),
});
export type BudgetView = z.infer<typeof budgetView>;

export function makeBudgetAmountsView(
  limitNanoUsd: NanoUsd,
  { extraNanoUsd, settledNanoUsd, leasedNanoUsd }: BudgetAmounts,
): z.infer<typeof budgetAmountsView> {
  const remaining = limitNanoUsd + extraNanoUsd - settledNanoUsd - leasedNanoUsd;
  return {
    limit_usd: formatUsd(limitNanoUsd),
    extra_usd: formatUsd(extraNanoUsd),
    spent_usd: formatUsd(settledNanoUsd),
    reserved_usd: formatUsd(leasedNanoUsd),
    remaining_usd: formatUsd(remaining > 0n ? remaining : 0n),
  };
}

/**
 * Renders a key's own budgets at `nowMs` (database time), and nothing of the budgets above the key.
 *
 * @param amounts by window id; a window that is not there has spent nothing.
 */
export function makeBudgetViews(
  key: Pick<ApiKey, "publicId" | "budgets" | "createdAt" | "version">,
  nowMs: number,
  amounts: ReadonlyMap<string, BudgetAmounts>,
): BudgetView[] {
  return makeKeyWindows(key, nowMs).map(({ id, terms, startMs, endMs }, index) => {
    const timezone = key.budgets[index]?.timezone;
    return {
      period: terms.period,
      ...(timezone === undefined ? {} : { timezone }),
      ...makeBudgetAmountsView(terms.limitNanoUsd, amounts.get(id) ?? unused),
      starts_at: new Date(startMs).toISOString(),
      resets_at: Number.isFinite(endMs) ? new Date(endMs).toISOString() : null,
    };
  });
}
