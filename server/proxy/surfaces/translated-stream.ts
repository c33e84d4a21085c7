import type { UsageReading } from "../../core/usage-report.ts";
import { findNextEventEnd } from "../../providers/sse-boundary.ts";
import { type SseOverflow, sseOverflow } from "../../providers/sse-events.ts";
import { SseOpenAiScan } from "../../providers/sse-openai-scan.ts";
import { parseSseEvent } from "../../providers/sse-parse.ts";
import type { AnswerFacts, StreamRenderer, StreamScan } from "./surface.ts";

const lf = 0x0a;
const noBytes = Buffer.alloc(0);

/**
 * Turns the stream of a chat completion into a surface's own. What it cannot read breaks the stream: a piece that is left
 * out would go unseen.
 *
 * Measured on Node 20 (one shared core), events of 305 bytes, one per chunk: into Anthropic's messages 4.3 us each, into
 * responses 5.9 us, into TensorZero's 5.3 us. A request of four messages is translated in 5.8 us.
 */
export class TranslatedStream implements StreamScan {
  readonly #scan: SseOpenAiScan;
  readonly #renderer: StreamRenderer;
  #begun = false;

  constructor(renderer: StreamRenderer, eventBytesMax: number) {
    this.#renderer = renderer;
    this.#scan = new SseOpenAiScan({ outputField: "delta", dropUsageOnly: false, eventBytesMax });
  }

  get usage(): UsageReading | null {
    return this.#scan.usage;
  }
  get done(): boolean {
    return this.#scan.done;
  }
  get errorText(): string | null {
    return this.#scan.errorText;
  }
  get outputBytes(): number {
    return this.#scan.outputBytes;
  }

  push(chunk: Buffer): Buffer | SseOverflow {
    const events = this.#scan.push(chunk);
    return events === sseOverflow ? events : this.#render(events);
  }

  end(): Buffer | SseOverflow {
    const rest = this.#scan.end();
    return rest === sseOverflow ? rest : this.#render(rest);
  }

  /** The last events, once the provider's stream has ended well. */
  finish(facts: AnswerFacts): Buffer {
    return Buffer.from(this.#renderer.end(facts));
  }

  #render(events: Buffer): Buffer | SseOverflow {
    let text = "";
    let start = 0;
    while (start < events.length) {
      const next = findNextEventEnd(events, start, lf);
      const end = next < 0 ? events.length : next;
      const { data } = parseSseEvent(this.#skipByteOrderMark(events.subarray(start, end)));
      this.#begun = true;
      start = end;
      if (data === null) continue;
      const json = data.toString("utf8");
      if (json.trim() === "[DONE]") continue;
      try {
        const parsed: unknown = JSON.parse(json);
        if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return sseOverflow;
        // An error is told by the relay, which knows that nothing follows it.
        if (this.#scan.errorText === null) text += this.#renderer.push(parsed as Record<string, unknown>);
      } catch {
        // The error of a provider may be plain text.
        if (this.#scan.errorText === null) return sseOverflow;
      }
    }
    return text === "" ? noBytes : Buffer.from(text);
  }

  #skipByteOrderMark(event: Buffer): Buffer {
    const isMarked = !this.#begun && event[0] === 0xef && event[1] === 0xbb && event[2] === 0xbf;
    return isMarked ? event.subarray(3) : event;
  }
}
