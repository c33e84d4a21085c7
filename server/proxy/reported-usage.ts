import { parseAnthropicUsage } from "../core/anthropic-usage.ts";
import { findTopLevelFields } from "../core/json-spans.ts";
import { parseOpenAiUsage, type UsageReading } from "../core/usage-report.ts";
import type { WireEndpoint } from "../providers/types.ts";

const answerLimits = { depthMax: 512, valuesMax: 20_000_000 };

/**
 * Reads the usage that a whole JSON answer reports; `null` where it reports none.
 *
 * @param endpoint what the provider was asked: it says in whose words the answer is.
 */
export function findReportedUsage(body: Buffer, endpoint: WireEndpoint): UsageReading | null {
  const scan = findTopLevelFields(body, answerLimits);
  if (!scan.ok) return null;
  const span = scan.fields.find((field) => field.key === "usage");
  if (span === undefined) return null;
  try {
    const value: unknown = JSON.parse(body.toString("utf8", span.valueStart, span.valueEnd));
    if (value === null || !hasTokens(value)) return null;
    return endpoint === "messages" ? parseAnthropicUsage(value) : parseOpenAiUsage(value);
  } catch {
    return { ok: false, reason: "the usage is not valid JSON" };
  }
}

/** What is charged by the minute says so instead of tokens. */
export function hasTokens(usage: unknown): boolean {
  return !(typeof usage === "object" && usage !== null && "type" in usage && usage.type === "duration");
}
