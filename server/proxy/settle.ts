import { findTopLevelFields } from "../core/json-spans.ts";
import { makeCharge } from "../core/price.ts";
import { makeUsageEstimate } from "../core/usage-estimate.ts";
import type { UsageEvent } from "../core/usage-event.ts";
import { parseOpenAiUsage, type UsageReading } from "../core/usage-report.ts";
import type { JournalEntry } from "../ledger/journal.ts";
import type { RateGrant } from "../limits/rate-windows.ts";
import type { ProviderTarget } from "../providers/types.ts";
import type { ProxyContext } from "./context.ts";

const answerLimits = { depthMax: 512, valuesMax: 20_000_000 };

/** Reads the usage that a whole JSON answer reports; `null` where it reports none. */
export function findReportedUsage(body: Buffer): UsageReading | null {
  const scan = findTopLevelFields(body, answerLimits);
  if (!scan.ok) return null;
  const span = scan.fields.find((field) => field.key === "usage");
  if (span === undefined) return null;
  try {
    const value: unknown = JSON.parse(body.toString("utf8", span.valueStart, span.valueEnd));
    return value === null ? null : parseOpenAiUsage(value);
  } catch {
    return { ok: false, reason: "the usage is not valid JSON" };
  }
}

/**
 * Writes tokens and cost of a call onto its event. What the provider reported is charged; where it reported nothing, an
 * estimate from the bytes, marked so; where it reported nonsense, the amount that was reserved.
 *
 * @param reported `null`: the provider reported nothing.
 * @param producedBytes bytes of answer text that came; -1 where the provider did no work that it could charge for.
 */
export function setUsage(
  event: UsageEvent,
  target: ProviderTarget,
  reported: UsageReading | null,
  producedBytes: number,
): void {
  event.provider = target.providerName;
  event.priceId = target.price?.id ?? "";
  if (reported !== null && !reported.ok) {
    event.usageSource = "reserved";
    event.costNanoUsd = target.price === null ? null : event.reservedNanoUsd;
    return;
  }
  const usage = reported?.usage ?? makeUsageEstimate(producedBytes < 0 ? 0 : event.bytesIn, Math.max(0, producedBytes));
  event.usageSource = reported === null ? "estimated" : "reported";
  event.inputTokens = usage.inputTokens;
  event.cachedInputTokens = usage.cachedInputTokens;
  event.cacheWriteTokens = usage.cacheWriteTokens;
  event.outputTokens = usage.outputTokens;
  event.reasoningTokens = usage.reasoningTokens;
  event.inputAudioTokens = usage.inputAudioTokens;
  event.outputAudioTokens = usage.outputAudioTokens;
  event.costNanoUsd = target.price === null ? null : makeCharge(target.price, usage);
}

/** Ends a call in the ledger and in the limits of its key: exactly once, whatever came of it. */
export function settle(proxy: ProxyContext, entry: JournalEntry, grant: RateGrant | null, event: UsageEvent): void {
  proxy.flusher.add(proxy.journal.close(entry, event));
  grant?.settle({
    requests: 1,
    inputTokens: event.inputTokens + event.cachedInputTokens + event.cacheWriteTokens + event.inputAudioTokens,
    outputTokens: event.outputTokens + event.reasoningTokens + event.outputAudioTokens,
    cost: event.costNanoUsd ?? 0n,
  });
  proxy.metrics.observeUsage(event, event.costNanoUsd);
}
