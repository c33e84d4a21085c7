import { parseOpenAiUsage, type UsageReading } from "../../core/usage-report.ts";
import { findLastEventEnd, findNextEventEnd } from "../../providers/sse-boundary.ts";
import { SseEvents, type SseOverflow, sseOverflow } from "../../providers/sse-events.ts";
import { countOutputBytes } from "../../providers/sse-openai-output.ts";
import { parseSseEvent } from "../../providers/sse-parse.ts";
import { hasTokens } from "../reported-usage.ts";
import { isJson, type Json } from "./json-value.ts";
import type { StreamScan } from "./surface.ts";

const lf = 0x0a;
const noBytes = Buffer.alloc(0);

/** One of these is in every event that ends a stream, reports a usage or tells an error; few others hold any. */
const needles = [".completed", ".incomplete", ".failed", ".done", "rror", "[DONE]"].map((text) => Buffer.from(text));

/** Events behind which nothing can be missing. */
const lastTypes: ReadonlySet<unknown> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
  "transcript.text.done",
  "speech.audio.done",
  "image_generation.completed",
  "image_edit.completed",
]);

/**
 * Reads a stream of OpenAI's events that have a `type` (responses, images, audio) on its way to the client. Forwards whole
 * events only, byte for byte, and all of them. Source: OpenAI's API reference, streaming events.
 */
export class TypedEventScan implements StreamScan {
  usage: UsageReading | null = null;
  done = false;
  errorText: string | null = null;
  outputBytes = 0;
  readonly #events: SseEvents;

  constructor(eventBytesMax: number) {
    this.#events = new SseEvents({ eventBytesMax });
  }

  push(chunk: Buffer): Buffer | SseOverflow {
    const from = this.#events.endedByCr && chunk[0] === lf ? 1 : 0;
    const events = this.#events.push(chunk);
    if (events !== sseOverflow && events.length > 0) this.#scan(events, from);
    return events;
  }

  end(): Buffer | SseOverflow {
    const rest = this.#events.end();
    if (rest === null) return noBytes;
    if (rest !== sseOverflow) this.#scan(rest, 0);
    return rest;
  }

  #scan(events: Buffer, from: number): void {
    this.outputBytes += countOutputBytes(events, "delta");
    const places = needles.map((needle) => events.indexOf(needle, from));
    for (let end = from; ; ) {
      for (const [index, place] of places.entries()) {
        if (place >= 0 && place < end) places[index] = events.indexOf(needles[index] as Buffer, end);
      }
      // As unsigned numbers, -1 is the greatest.
      const found = Math.min(...places.map((place) => place >>> 0));
      if (found >= events.length) return;
      const start = findLastEventEnd(events, end, found, lf);
      const next = findNextEventEnd(events, found, events[found - 1] ?? lf);
      end = next < 0 ? events.length : next;
      this.#readEvent(events.subarray(start, end));
    }
  }

  #readEvent(bytes: Buffer): void {
    const { event: name, data } = parseSseEvent(bytes);
    const text = data?.toString("utf8").trim() ?? "";
    if (text === "[DONE]") this.done = true;
    const event = parseObject(text);
    if (event === null) return;
    if (lastTypes.has(event.type)) this.done = true;
    const response = isJson(event.response) ? event.response : event;
    const error = response.error ?? event.error ?? null;
    if (error !== null || event.type === "error" || name === "error") {
      this.errorText = JSON.stringify(error ?? event);
    }
    if (isJson(response.usage) && hasTokens(response.usage)) this.usage = parseOpenAiUsage(response.usage);
  }
}

function parseObject(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJson(value) ? value : null;
  } catch {
    return null;
  }
}
