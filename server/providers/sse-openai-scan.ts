import { findTopLevelFields, type JsonField, type JsonScanLimits } from "../core/json-spans.ts";
import { parseOpenAiUsage, type UsageReading } from "../core/usage-report.ts";
import { findLastEventEnd, findNextEventEnd } from "./sse-boundary.ts";
import { SseEvents, type SseOverflow, sseOverflow } from "./sse-events.ts";
import { findDone, findError, findUsage, isDone } from "./sse-openai-needles.ts";
import { countOutputBytes, type OutputField } from "./sse-openai-output.ts";
import { parseSseEvent } from "./sse-parse.ts";

const lf = 0x0a;
const noBytes = Buffer.alloc(0);
const emptyArray = /^\[[ \t\r\n]*\]$/;

/** Wide enough for the log probabilities of a whole answer in one event. */
const scanLimits: JsonScanLimits = { depthMax: 64, valuesMax: 1_000_000 };

export interface SseOpenAiScanOptions {
  outputField: OutputField;
  /** Leaves out events that only report usage (`choices` is empty), for a client that did not ask for them. */
  dropUsageOnly: boolean;
  /** Most bytes of one event; 1 MiB unless given. */
  eventBytesMax?: number;
}

/**
 * Reads an OpenAI-shaped event stream on its way to the client: what to forward, what was used, how it ended. One per
 * stream.
 *
 * Forwards whole events only, byte for byte, so that a stream that breaks off can still be ended with an error event.
 * Most events are never parsed: native searches name the few that can hold a usage, an error or the end.
 *
 * Measured on Node 20, events of 325 bytes with `"usage":null`: one per chunk 0.7 us, 50 per chunk 0.35 us each; an
 * event cut in two 1.1 us; an event with a usage 5 us, `[DONE]` 0.8 us. JSON.parse of one event alone takes 1.0 us.
 */
export class SseOpenAiScan {
  /** The last report, as each includes the ones before; `null` where none came so far. */
  usage: UsageReading | null = null;
  /** Whether `[DONE]` came. */
  done = false;
  /** JSON text of the last `error` field that came, else the data of the last `event: error`. Untrusted. */
  errorText: string | null = null;
  /** See {@link countOutputBytes}; for an estimate where no usage comes. */
  outputBytes = 0;
  readonly #events: SseEvents;
  readonly #outputField: OutputField;
  readonly #dropUsageOnly: boolean;
  #begun = false;
  #endsDropped = false;

  constructor(options: SseOpenAiScanOptions) {
    this.#events = new SseEvents(options);
    this.#outputField = options.outputField;
    this.#dropUsageOnly = options.dropUsageOnly;
  }

  /**
   * Takes the next chunk. It must not be changed later: what is returned may be a slice of it.
   *
   * @returns the bytes to forward now, possibly none; {@link sseOverflow} as {@link SseEvents.push} does.
   */
  push(chunk: Buffer): Buffer | SseOverflow {
    const from = this.#events.endedByCr && chunk[0] === lf ? 1 : 0;
    const events = this.#events.push(chunk);
    return events === sseOverflow || events.length === 0 ? events : this.#scan(events, from);
  }

  /**
   * Ends a stream that the provider ended properly. Bytes without a blank line behind them are read like an event.
   *
   * @returns the last bytes to forward, possibly none; {@link sseOverflow} where bytes were refused.
   */
  end(): Buffer | SseOverflow {
    const rest = this.#events.end();
    if (rest === null) return noBytes;
    return rest === sseOverflow ? rest : this.#scan(rest, 0);
  }

  /** `from` is 1 where the first byte is the LF of the last event before these. */
  #scan(events: Buffer, from: number): Buffer {
    this.outputBytes += countOutputBytes(events, this.#outputField);
    let usageAt = findUsage(events, from);
    let errorAt = findError(events, from);
    let doneAt = findDone(events, from);
    const pieces: Buffer[] = [];
    // The LF of an event that was left out is left out.
    let kept = from === 1 && this.#endsDropped ? 1 : 0;
    this.#endsDropped = false;
    let end = from;
    while (usageAt >= 0 || errorAt >= 0 || doneAt >= 0) {
      // As unsigned numbers, -1 is the greatest.
      const found = Math.min(usageAt >>> 0, errorAt >>> 0, doneAt >>> 0);
      const start = findLastEventEnd(events, end, found, lf);
      const next = findNextEventEnd(events, found, events[found - 1] ?? lf);
      end = next < 0 ? events.length : next;
      const isUsageOnly = this.#readEvent(events.subarray(this.#begun ? start : skipByteOrderMark(events, start), end));
      if (isUsageOnly && this.#dropUsageOnly) {
        if (start > kept) pieces.push(events.subarray(kept, start));
        kept = end;
        this.#endsDropped = end === events.length;
      }
      if (usageAt >= 0 && usageAt < end) usageAt = findUsage(events, end);
      if (errorAt >= 0 && errorAt < end) errorAt = findError(events, end);
      if (doneAt >= 0 && doneAt < end) doneAt = findDone(events, end);
    }
    this.#begun = true;
    if (kept === 0) return events;
    if (kept < events.length) pieces.push(events.subarray(kept));
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }

  /** Reads one event; whether it does nothing but report usage. */
  #readEvent(bytes: Buffer): boolean {
    const { event, data } = parseSseEvent(bytes);
    if (data === null) return false;
    if (isDone(data)) {
      this.done = true;
      return false;
    }
    const scan = findTopLevelFields(data, scanLimits);
    const fields = scan.ok ? scan.fields : [];
    const error = findValue(data, fields, "error");
    const isError = error !== null || event === "error";
    if (isError) this.errorText = error ?? data.toString("utf8");
    const usage = findValue(data, fields, "usage");
    if (usage === null) return false;
    this.usage = readUsage(usage);
    const choices = fields.find((field) => field.key === "choices");
    if (isError || choices === undefined) return false;
    // An empty array is short; most other values need no text made of them.
    const { valueStart, valueEnd } = choices;
    return valueEnd - valueStart < 64 && emptyArray.test(data.toString("latin1", valueStart, valueEnd));
  }
}

function readUsage(json: string): UsageReading {
  try {
    return parseOpenAiUsage(JSON.parse(json));
  } catch {
    return { ok: false, reason: "usage is not valid JSON" };
  }
}

/** The JSON text of a field; `null` where it is absent or says nothing. */
function findValue(data: Buffer, fields: readonly JsonField[], key: string): string | null {
  for (const field of fields) {
    if (field.key !== key) continue;
    const text = data.toString("utf8", field.valueStart, field.valueEnd);
    return text === "null" || text === "false" || text === '""' ? null : text;
  }
  return null;
}

/** Where the first event's fields begin; later such marks are no marks. */
function skipByteOrderMark(bytes: Buffer, from: number): number {
  return from === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : from;
}
