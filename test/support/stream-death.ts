import { type ChatStream, getForwarded } from "./chat-stream.ts";
import type { StoredEvent } from "./test-gateway.ts";

/** What was seen of one stream whose provider died. */
export interface StreamDeath {
  offset: number;
  how: "drop" | "reset";
  includeUsage: boolean;
  /** What the client got. */
  status: number;
  text: string;
  /** How often the provider was called for it. */
  calls: number;
  /** All that the ledger holds of it. */
  events: readonly StoredEvent[];
}

const errorEvent = /data: (\{"error":.*\})\n\n$/;

/** Says what is wrong with a stream that was cut at an offset, or `null`. Knows the true stream, not the gateway. */
export function findStreamDeathFault(stream: ChatStream, death: StreamDeath, attemptsMax: number): string | null {
  return findTranscriptFault(stream, death) ?? findLedgerFault(stream, death, attemptsMax);
}

function findTranscriptFault(
  stream: ChatStream,
  { offset, how, includeUsage, status, text }: StreamDeath,
): string | null {
  if (status === 502) {
    if (how === "drop" && offset > 0) return "502 although bytes had come";
    return text.startsWith('{"error":{') ? null : "a 502 that is not an error in JSON";
  }
  if (status !== 200) return `status ${status}`;
  const whole = getForwarded(stream, stream.bytes.length, includeUsage).toString();
  // All of the answer came; that the connection broke behind `[DONE]` is no loss.
  if (offset === stream.bytes.length && how === "drop") return text === whole ? null : "a whole stream was spoiled";
  if (offset === stream.bytes.length && text === whole) return null;
  if (text.includes("[DONE]") && offset < stream.bytes.length) return "[DONE] in a stream that was cut";
  const error = errorEvent.exec(text);
  if (error === null) return "no error event at the end";
  const { code } = (JSON.parse(error[1] as string) as { error: { code: string } }).error;
  if (code !== "upstream_error") return `error code ${code}`;
  const before = text.slice(0, error.index);
  // After a RST the system may have thrown away what the gateway had not read yet.
  if (how === "reset" ? !whole.startsWith(before) : before !== getForwarded(stream, offset, includeUsage).toString()) {
    return "other bytes than the provider's";
  }
  return null;
}

function findLedgerFault(stream: ChatStream, death: StreamDeath, attemptsMax: number): string | null {
  const { offset, how, status, calls, events } = death;
  const [event] = events;
  if (event === undefined) return "no event";
  if (events.length > 1) return `${events.length} events`;
  if (event.attempts !== calls) return `${event.attempts} attempts in the event, ${calls} calls at the provider`;
  if (calls > attemptsMax) return `${calls} calls`;
  if (how === "drop" && offset > 0 && calls !== 1) return "tried again after the first byte";
  if (event.cost_nano_usd === null) return "no cost";
  if (status === 502) return event.status === 502 ? null : `event says ${event.status}`;
  const broken = death.text.includes('data: {"error":');
  if (event.status !== (broken ? 502 : 200)) return `event says ${event.status}`;
  const reported = event.usage_source === "reported";
  if (how === "drop" && reported !== offset >= stream.usageEnd) return `usage ${event.usage_source}`;
  if (!reported && event.usage_source !== "estimated") return `usage ${event.usage_source}`;
  if (reported && Number(event.output_tokens) !== stream.completionTokens) return "other usage than reported";
  if (Number(event.input_tokens) === 0 || BigInt(event.cost_nano_usd) === 0n) return "the prompt is not charged";
  return BigInt(event.cost_nano_usd) <= BigInt(event.reserved_nano_usd) ? null : "more charged than reserved";
}
