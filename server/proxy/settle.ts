import { formatUsd } from "../core/money.ts";
import { makeCharge } from "../core/price.ts";
import { addTokens } from "../core/usage.ts";
import { makeUsageEstimate } from "../core/usage-estimate.ts";
import type { UsageEvent } from "../core/usage-event.ts";
import type { UsageReading } from "../core/usage-report.ts";
import type { JournalEntry } from "../ledger/journal.ts";
import type { BudgetHold } from "../limits/budget-hold.ts";
import type { RateGrant } from "../limits/rate-windows.ts";
import { passFailpoint } from "../platform/failpoint.ts";
import type { ProviderTarget } from "../providers/types.ts";
import type { ProxyContext } from "./context.ts";
import type { Spent } from "./spent.ts";

/**
 * Writes tokens and cost of a call onto its event. What the provider reported is charged; where it reported nothing, an
 * estimate from the bytes, marked so; where it reported nonsense, the amount that was reserved.
 *
 * @param reported `null`: the provider reported nothing.
 * @param producedBytes bytes of answer text that came; -1 where the provider did no work that it could charge for.
 * @param spent what attempts before this one cost, which is charged too.
 */
export function setUsage(
  event: UsageEvent,
  target: ProviderTarget,
  reported: UsageReading | null,
  producedBytes: number,
  spent: Spent | null,
): void {
  event.provider = target.providerName;
  event.priceId = target.price?.id ?? "";
  if (reported !== null && !reported.ok) {
    event.usageSource = "reserved";
    event.costNanoUsd = target.price === null ? null : event.reservedNanoUsd;
    return;
  }
  const last = reported?.usage ?? makeUsageEstimate(producedBytes < 0 ? 0 : event.bytesIn, Math.max(0, producedBytes));
  const usage = spent === null ? last : addTokens(last, spent.tokens);
  event.usageSource = reported === null ? "estimated" : "reported";
  event.inputTokens = usage.inputTokens;
  event.cachedInputTokens = usage.cachedInputTokens;
  event.cacheWriteTokens = usage.cacheWriteTokens;
  event.hourCacheWriteTokens = usage.hourCacheWriteTokens;
  event.outputTokens = usage.outputTokens;
  event.reasoningTokens = usage.reasoningTokens;
  event.inputAudioTokens = usage.inputAudioTokens;
  event.outputAudioTokens = usage.outputAudioTokens;
  if (target.price !== null) event.costNanoUsd = makeCharge(target.price, last) + (spent?.costNanoUsd ?? 0n);
  else event.costNanoUsd = spent === null ? null : spent.costNanoUsd;
}

/** Ends a call in the ledger and in the limits of its key: exactly once, whatever came of it. */
export function settle(
  proxy: ProxyContext,
  entry: JournalEntry,
  grant: RateGrant | null,
  hold: BudgetHold | null,
  event: UsageEvent,
): void {
  if (hold !== null) settleBudget(proxy, hold, event);
  proxy.flusher.add(proxy.journal.close(entry, event, hold));
  grant?.settle({
    requests: 1,
    inputTokens: event.inputTokens + event.cachedInputTokens + event.cacheWriteTokens + event.inputAudioTokens,
    outputTokens: event.outputTokens + event.reasoningTokens + event.outputAudioTokens,
    cost: event.costNanoUsd ?? 0n,
  });
  proxy.metrics.observeUsage(event, event.costNanoUsd);
}

function settleBudget(proxy: ProxyContext, hold: BudgetHold, event: UsageEvent): void {
  const cost = event.costNanoUsd ?? 0n;
  hold.settle(cost);
  passFailpoint("hold-settled");
  if (cost <= hold.amount) return;
  // It is charged in full all the same: the provider will. Until PostgreSQL knows, nothing more is lent.
  const excess = cost - hold.amount;
  proxy.metrics.noticeDebt(excess);
  proxy.logger.warn(
    {
      event: "budget_debt",
      request_id: event.id,
      public_id: event.publicId,
      provider: event.provider,
      excess_usd: formatUsd(excess),
    },
    "a provider reported more than the most that the call could cost",
  );
}
