import { parseAnthropicUsage } from "../core/anthropic-usage.ts";
import type { UsageReading } from "../core/usage-report.ts";
import { findLastEventEnd, findNextEventEnd } from "./sse-boundary.ts";
import { SseEvents, type SseOverflow, sseOverflow } from "./sse-events.ts";
import { findError, findUsage } from "./sse-openai-needles.ts";
import { countOutputBytes } from "./sse-openai-output.ts";
import { parseSseEvent } from "./sse-parse.ts";

const lf = 0x0a;
const noBytes = Buffer.alloc(0);
/** Its first letter decides its price, as in sse-openai-needles.ts. */
const stopNeedle = Buffer.from("ge_stop");
const outputFields = ["text", "thinking", "partial_json"] as const;

/**
 * Reads a stream of Anthropic's Messages API on its way to the client: what was used, how it ended. One per stream; the same
 * to its user as {@link SseOpenAiScan}. Forwards whole events only, byte for byte, and all of them.
 *
 * Most events are never parsed: native searches name the few that can hold a usage, an error or the end. What they find is
 * read as an event, so that text of the model cannot fake one.
 */
export class SseAnthropicScan {
  /**
   * What `message_start` and `message_delta` said together; `null` until the latter came: what the first says of the output is
   * not what the answer will cost.
   */
  usage: UsageReading | null = null;
  /** Whether `message_stop` came. */
  done = false;
  /** JSON text of the last `error` event's error. Untrusted. */
  errorText: string | null = null;
  /** Bytes of what the model said, thought, and gave to tools; for an estimate where no usage comes. */
  outputBytes = 0;
  readonly #events: SseEvents;
  #report: Record<string, unknown> = {};
  #begun = false;

  constructor(options: { eventBytesMax?: number } = {}) {
    this.#events = new SseEvents(options);
  }

  /** As {@link SseEvents.push}. */
  push(chunk: Buffer): Buffer | SseOverflow {
    const from = this.#events.endedByCr && chunk[0] === lf ? 1 : 0;
    const events = this.#events.push(chunk);
    if (events !== sseOverflow && events.length > 0) this.#scan(events, from);
    return events;
  }

  /** Ends a stream that the provider ended properly. Bytes without a blank line behind them are read like an event. */
  end(): Buffer | SseOverflow {
    const rest = this.#events.end();
    if (rest === null) return noBytes;
    if (rest !== sseOverflow) this.#scan(rest, 0);
    return rest;
  }

  #scan(events: Buffer, from: number): void {
    for (const field of outputFields) this.outputBytes += countOutputBytes(events, field);
    let end = from;
    for (;;) {
      // As unsigned numbers, -1 is the greatest.
      const found = Math.min(
        findUsage(events, end) >>> 0,
        findError(events, end) >>> 0,
        events.indexOf(stopNeedle, end) >>> 0,
      );
      if (found >= events.length) break;
      const start = findLastEventEnd(events, end, found, lf);
      const next = findNextEventEnd(events, found, events[found - 1] ?? lf);
      end = next < 0 ? events.length : next;
      this.#readEvent(events.subarray(this.#begun ? start : skipByteOrderMark(events, start), end));
    }
    this.#begun = true;
  }

  #readEvent(bytes: Buffer): void {
    const { data } = parseSseEvent(bytes);
    const event = data === null ? null : parseObject(data);
    switch (event?.type) {
      case "message_start": {
        const { message } = event;
        if (isObject(message) && isObject(message.usage)) this.#report = { ...message.usage };
        break;
      }
      case "message_delta":
        // Each includes the ones before; what it leaves out stays as it was.
        if (isObject(event.usage)) {
          for (const [name, value] of Object.entries(event.usage)) {
            if (value !== null) this.#report[name] = value;
          }
        }
        this.usage = parseAnthropicUsage(this.#report);
        break;
      case "message_stop":
        this.done = true;
        break;
      case "error":
        this.errorText = JSON.stringify(event.error ?? null);
        break;
      default:
        break;
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(data: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(data.toString("utf8"));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Where the first event's fields begin; later such marks are no marks. */
function skipByteOrderMark(bytes: Buffer, from: number): number {
  return from === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : from;
}
