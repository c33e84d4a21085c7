import { noTokens, type TokenUsage } from "./usage.ts";

/** English text and JSON come to about four bytes a token; an estimate, marked so on the event. */
const bytesPerToken = 4;

/** Stands in for a usage that the provider did not report: from the bytes of the request and of the produced text. */
export function makeUsageEstimate(requestBytes: number, producedBytes: number): TokenUsage {
  return {
    ...noTokens,
    inputTokens: Math.ceil(requestBytes / bytesPerToken),
    outputTokens: Math.ceil(producedBytes / bytesPerToken),
  };
}
