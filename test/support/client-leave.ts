import type { ChatStream } from "./chat-stream.ts";
import type { StoredEvent } from "./test-gateway.ts";

/** What was seen of one call whose client left. */
export interface ClientLeave {
  offset: number;
  stream: boolean;
  onDisconnect: "drain" | "abort";
  /** From the client's leaving to the end of the call at the provider, in milliseconds. */
  upstreamClosedAfterMs: number;
  upstreamEnd: "open" | "served" | "cut" | "left";
  /** How often the provider was called. */
  calls: number;
  events: readonly StoredEvent[];
}

const closedMsMax = 1_000;

/** Says what is wrong with how a left call ended, or `null`. `truth` is what the provider would have reported. */
export function findClientLeaveFault(truth: ChatStream, leave: ClientLeave): string | null {
  const { onDisconnect, upstreamClosedAfterMs, upstreamEnd, calls, events } = leave;
  const [event] = events;
  if (event === undefined) return "no event";
  if (events.length > 1) return `${events.length} events`;
  if (calls !== 1 || event.attempts !== 1) return `${calls} calls, ${event.attempts} attempts`;
  if (event.cost_nano_usd === null || BigInt(event.cost_nano_usd) === 0n) return "nothing is charged";
  if (Number(event.input_tokens) < truth.promptTokens) return "the prompt is not charged";
  if (BigInt(event.cost_nano_usd) > BigInt(event.reserved_nano_usd)) return "more charged than reserved";
  // One that is drained may have been written out whole before the gateway heard of the leaving.
  if (event.status !== 499 && !(onDisconnect === "drain" && event.status === 200)) return `event says ${event.status}`;
  if (onDisconnect === "abort") {
    if (upstreamEnd !== "left") return `the provider's call ended as ${upstreamEnd}`;
    if (upstreamClosedAfterMs > closedMsMax) return "the provider's call was closed late";
    // A report that had come already is better than an estimate.
    const reported = leave.stream && leave.offset >= truth.usageEnd;
    return event.usage_source === (reported ? "reported" : "estimated") ? null : `usage ${event.usage_source}`;
  }
  if (upstreamEnd !== "served") return `the provider's call ended as ${upstreamEnd}`;
  if (event.usage_source !== "reported") return `usage ${event.usage_source}`;
  const exact =
    Number(event.input_tokens) === truth.promptTokens && Number(event.output_tokens) === truth.completionTokens;
  return exact ? null : "other usage than reported";
}
