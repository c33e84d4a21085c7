import { errorTable } from "../core/error.ts";
import { formatUsd } from "../core/money.ts";
import type { UsageEvent } from "../core/usage-event.ts";
import { sseOverflow } from "../providers/sse-events.ts";
import { formatSseError } from "../providers/sse-format.ts";
import { SseOpenAiScan } from "../providers/sse-openai-scan.ts";
import type { UpstreamCall, UpstreamFailure } from "../providers/types.ts";
import type { AttemptTimes, StreamReceiver } from "./attempt.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { Dispatched } from "./dispatch.ts";
import { type RelayedCall, setClientLeft } from "./relay-answer.ts";
import { makeErrorBody, respondStreamHead } from "./respond.ts";
import { setUsage } from "./settle.ts";
import { makeFailureRefusal } from "./upstream-refusal.ts";

export interface StreamRelayOptions {
  /** The client asked for the usage chunk; else it is taken out. */
  includeUsage: boolean;
  outputTokensMax: number | null;
}

/**
 * Passes an event stream on: whole events as they come, byte for byte, at the pace of the client. Reads the usage on the
 * way. A stream that breaks ends with an error event and without `[DONE]`, so that it never looks complete.
 */
export class StreamRelay implements StreamReceiver {
  readonly #call: RelayedCall;
  readonly #client: ClientConnection;
  readonly #event: UsageEvent;
  readonly #options: StreamRelayOptions;
  readonly #scan: SseOpenAiScan;
  #upstream: UpstreamCall | null = null;
  #failure: UpstreamFailure | null = null;
  #paused = false;
  begun = false;

  constructor(call: RelayedCall, client: ClientConnection, event: UsageEvent, options: StreamRelayOptions) {
    this.#call = call;
    this.#client = client;
    this.#event = event;
    this.#options = options;
    this.#scan = new SseOpenAiScan({
      outputField: event.endpoint === "completions" ? "text" : "delta",
      dropUsageOnly: !options.includeUsage,
      eventBytesMax: call.proxy.config.gateway.sseEventBytesMax,
    });
  }

  begin(status: number, upstream: UpstreamCall, times: AttemptTimes): void {
    this.begun = true;
    this.#upstream = upstream;
    this.#event.status = status;
    this.#event.code = "";
    // A client that left needs no pace: the rest is read for its usage.
    this.#client.onLeft(() => upstream.resume());
    if (this.#client.left) return;
    const nowMs = this.#call.proxy.clock.monotonicMs();
    respondStreamHead(this.#call.response, status, {
      requestId: this.#call.requestId,
      corsOrigin: this.#call.corsOrigin,
      overheadMs: times.sentAtMs - this.#call.startedAtMs + (nowMs - times.firstByteAtMs),
      costNanoUsd: null,
      rateHeaders: this.#call.rateHeaders,
      budgetRemainingNanoUsd: this.#call.hold?.remaining ?? null,
      outputTokensMax: this.#options.outputTokensMax,
      retryAfter: null,
    });
  }

  push(chunk: Buffer): UpstreamFailure | null {
    const whole = this.#scan.push(chunk);
    if (whole === sseOverflow) {
      // Nothing behind an event that is over the limit can be understood.
      this.#failure = { kind: "protocol", message: "an event of the stream is over the size limit" };
      return this.#failure;
    }
    if (whole.length > 0) this.#write(whole);
    return null;
  }

  end(): UpstreamFailure | null {
    // A provider may leave out the blank line behind its last event.
    const rest = this.#scan.end();
    if (!this.#scan.done) this.#failure ??= { kind: "reset", message: "the stream ended before [DONE]" };
    else if (rest !== null && rest !== sseOverflow && rest.length > 0) this.#write(rest);
    return this.#failure;
  }

  fail(failure: UpstreamFailure): void {
    // Behind `[DONE]` nothing can be missing.
    if (!this.#scan.done) this.#failure ??= failure;
  }

  /** Ends the client's side and writes what came of it onto the event. */
  finish(dispatched: Dispatched): void {
    const event = this.#event;
    const { times, target, spent } = dispatched;
    event.firstTokenMs = times.firstByteAtMs - times.sentAtMs;
    const { usage, outputBytes, errorText } = this.#scan;
    setUsage(event, target, usage, outputBytes, spent);
    // The provider said itself, in the stream, that it failed.
    if (errorText !== null) event.code = "upstream_error";
    const { response } = this.#call;
    if (this.#failure !== null) {
      const refusal = makeFailureRefusal(this.#failure);
      event.status = errorTable[refusal.code].status;
      event.code = refusal.code;
      if (!this.#client.left) this.#write(formatSseError(makeErrorBody(refusal)));
    }
    if (this.#client.left) setClientLeft(event);
    else {
      if (event.costNanoUsd !== null) response.addTrailers({ "x-tollgate-cost-usd": formatUsd(event.costNanoUsd) });
      response.end();
    }
  }

  #write(bytes: Buffer): void {
    this.#event.bytesOut += bytes.length;
    if (this.#client.left) return;
    if (this.#call.response.write(bytes)) return;
    if (this.#paused) return;
    this.#paused = true;
    this.#upstream?.pause();
    this.#call.response.once("drain", () => {
      this.#paused = false;
      this.#upstream?.resume();
    });
  }
}
