import { findTopLevelFields } from "../core/json-spans.ts";
import { makeCharge } from "../core/price.ts";
import type { TokenUsage } from "../core/usage.ts";
import { makeUsageEstimate } from "../core/usage-estimate.ts";
import type { UsageEvent } from "../core/usage-event.ts";
import { parseOpenAiUsage } from "../core/usage-report.ts";
import type { JournalEntry } from "../ledger/journal.ts";
import type { ProviderTarget } from "../providers/types.ts";
import type { ProxyContext } from "./context.ts";

const answerLimits = { depthMax: 512, valuesMax: 20_000_000 };

/** Reads the usage that a whole JSON answer reports; `null` where it reports none that can be billed by. */
export function findReportedUsage(body: Buffer): TokenUsage | null {
  const scan = findTopLevelFields(body, answerLimits);
  if (!scan.ok) return null;
  const span = scan.fields.find((field) => field.key === "usage");
  if (span === undefined) return null;
  try {
    const reading = parseOpenAiUsage(JSON.parse(body.toString("utf8", span.valueStart, span.valueEnd)));
    return reading.ok ? reading.usage : null;
  } catch {
    return null;
  }
}

/**
 * Writes tokens and cost of a call onto its event: what the provider reported, else an estimate from the bytes, marked so.
 *
 * @param reported `null`: the provider reported nothing.
 * @param producedBytes bytes of answer text that came; -1 where the provider did no work that it could charge for.
 */
export function setUsage(
  event: UsageEvent,
  target: ProviderTarget,
  reported: TokenUsage | null,
  producedBytes: number,
): void {
  const usage = reported ?? makeUsageEstimate(producedBytes < 0 ? 0 : event.bytesIn, Math.max(0, producedBytes));
  event.usageSource = reported === null ? "estimated" : "reported";
  event.inputTokens = usage.inputTokens;
  event.cachedInputTokens = usage.cachedInputTokens;
  event.cacheWriteTokens = usage.cacheWriteTokens;
  event.outputTokens = usage.outputTokens;
  event.reasoningTokens = usage.reasoningTokens;
  event.inputAudioTokens = usage.inputAudioTokens;
  event.outputAudioTokens = usage.outputAudioTokens;
  event.provider = target.providerName;
  event.priceId = target.price?.id ?? "";
  event.costNanoUsd = target.price === null ? null : makeCharge(target.price, usage);
}

/** Ends a call in the ledger: exactly once, whatever came of it. */
export function settle(proxy: ProxyContext, entry: JournalEntry, event: UsageEvent): void {
  proxy.flusher.add(proxy.journal.close(entry, event));
  proxy.metrics.observeUsage(event, event.costNanoUsd);
}
