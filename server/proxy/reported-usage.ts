import { parseAnthropicUsage } from "../core/anthropic-usage.ts";
import { findTopLevelFields } from "../core/json-spans.ts";
import { findTailObject } from "../core/json-tail.ts";
import { parseOpenAiUsage, type UsageReading } from "../core/usage-report.ts";
import type { WireEndpoint } from "../providers/types.ts";

const answerLimits = { depthMax: 512, valuesMax: 20_000_000 };

/**
 * Reads the usage that a whole JSON answer reports; `null` where it reports none.
 *
 * @param endpoint what the provider was asked: it says in whose words the answer is.
 */
export function findReportedUsage(body: Buffer, endpoint: WireEndpoint): UsageReading | null {
  const span = findTailObject(body, '"usage"') ?? findUsageField(body);
  if (span === null) return null;
  try {
    const value: unknown = JSON.parse(body.toString("utf8", span.start, span.end));
    if (value === null || !hasTokens(value)) return null;
    return endpoint === "messages" ? parseAnthropicUsage(value) : parseOpenAiUsage(value);
  } catch {
    return { ok: false, reason: "the usage is not valid JSON" };
  }
}

function findUsageField(body: Buffer): { start: number; end: number } | null {
  const scan = findTopLevelFields(body, answerLimits);
  const field = scan.ok ? scan.fields.find(({ key }) => key === "usage") : undefined;
  return field === undefined ? null : { start: field.valueStart, end: field.valueEnd };
}

/** What is charged by the minute says so instead of tokens. */
export function hasTokens(usage: unknown): boolean {
  return !(typeof usage === "object" && usage !== null && "type" in usage && usage.type === "duration");
}
