import { findStatus, makeRefusal, type Refusal } from "../core/error.ts";
import { roundMs } from "../core/milliseconds.ts";
import { formatUsd } from "../core/money.ts";
import type { UsageEvent } from "../core/usage-event.ts";
import { sseOverflow } from "../providers/sse-events.ts";
import type { ProviderTarget, UpstreamCall, UpstreamFailure, UpstreamRequest } from "../providers/types.ts";
import { type AttemptTimes, isEventStream, type StreamReceiver } from "./attempt.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { Dispatched } from "./dispatch.ts";
import type { ParsedInference } from "./parse.ts";
import { type RelayedCall, setClientLeft } from "./relay-answer.ts";
import { eventStreamType, respondStreamHead } from "./respond.ts";
import { setUsage } from "./settle.ts";
import { StreamWriter } from "./stream-writer.ts";
import { makeAnswerFacts } from "./surfaces/answer-facts.ts";
import { MediaScan } from "./surfaces/media-scan.ts";
import { findMediaType } from "./surfaces/media-type.ts";
import { openScan } from "./surfaces/open-scan.ts";
import type { StreamScan } from "./surfaces/surface.ts";
import { TranslatedStream } from "./surfaces/translated-stream.ts";
import { makeFailureRefusal, parseProviderError } from "./upstream-refusal.ts";

/**
 * Passes an event stream on: whole events as they come, at the pace of the client; byte for byte where the provider speaks
 * the surface's own wire, else translated. Reads the usage on the way. A stream that breaks ends with an error event and
 * without the event that ends a whole one, so that it never looks complete.
 */
export class StreamRelay implements StreamReceiver {
  readonly #call: RelayedCall;
  readonly #client: ClientConnection;
  readonly #event: UsageEvent;
  readonly #request: ParsedInference;
  readonly #outputTokensMax: number | null;
  #scan!: StreamScan;
  /** `null` while there is no head, and for a client that had left before it. */
  #writer: StreamWriter | null = null;
  #failure: UpstreamFailure | null = null;
  #isEvents = true;
  begun = false;

  /** @param outputTokensMax the cap that the gateway itself set. */
  constructor(
    call: RelayedCall,
    client: ClientConnection,
    event: UsageEvent,
    request: ParsedInference,
    outputTokensMax: number | null,
  ) {
    this.#call = call;
    this.#client = client;
    this.#event = event;
    this.#request = request;
    this.#outputTokensMax = outputTokensMax;
  }

  takes(type: string): boolean {
    return isEventStream(type) || (this.#call.surface.passesMedia && !type.startsWith("application/json"));
  }

  begin(status: number, upstream: UpstreamCall, times: AttemptTimes, asked: UpstreamRequest, type: string): void {
    this.begun = true;
    this.#event.status = status;
    this.#event.code = "";
    this.#isEvents = isEventStream(type);
    const { proxy, surface } = this.#call;
    const { translation, includeUsage } = this.#request;
    const { sseEventBytesMax } = proxy.config.gateway;
    this.#scan =
      translation !== null && (translation.always || asked.endpoint !== surface.wire)
        ? new TranslatedStream(translation.openStream(this.#event), sseEventBytesMax)
        : this.#isEvents
          ? openScan(asked, includeUsage, sseEventBytesMax)
          : new MediaScan();
    // A client that left needs no pace: the rest is read for its usage.
    this.#client.onLeft(() => upstream.resume());
    if (this.#client.left) return;
    const nowMs = proxy.clock.monotonicMs();
    const sentType = this.#isEvents ? eventStreamType : findMediaType(type, "application/octet-stream");
    respondStreamHead(this.#call.response, status, sentType, {
      requestId: this.#call.requestId,
      corsOrigin: this.#call.corsOrigin,
      overheadMs: times.sentAtMs - this.#call.startedAtMs + (nowMs - times.firstByteAtMs),
      costNanoUsd: null,
      rateHeaders: this.#call.rateHeaders,
      budgetRemainingNanoUsd: this.#call.hold?.remaining ?? null,
      outputTokensMax: this.#outputTokensMax,
      retryAfter: null,
    });
    this.#writer = new StreamWriter(proxy.answers, this.#client, upstream);
  }

  push(chunk: Buffer): UpstreamFailure | null {
    const whole = this.#scan.push(chunk);
    if (whole === sseOverflow) {
      // Nothing behind an event that is over the limit can be understood.
      this.#failure = { kind: "protocol", message: "an event of the stream is over the size limit, or no JSON" };
      return this.#failure;
    }
    if (whole.length > 0) this.#write(whole);
    return null;
  }

  end(): UpstreamFailure | null {
    // A provider may leave out the blank line behind its last event.
    const rest = this.#scan.end();
    if (!this.#scan.done) this.#failure ??= { kind: "reset", message: "the stream ended before its last event" };
    else if (rest !== null && rest !== sseOverflow && rest.length > 0) this.#write(rest);
    return this.#failure;
  }

  fail(failure: UpstreamFailure): void {
    // Behind the last event nothing can be missing.
    if (!this.#scan.done) this.#failure ??= failure;
  }

  /** Ends the client's side and writes what came of it onto the event. */
  finish(dispatched: Dispatched): void {
    const event = this.#event;
    const { times, target, spent } = dispatched;
    event.firstTokenMs = roundMs(times.firstByteAtMs - times.sentAtMs);
    const { usage, outputBytes, errorText } = this.#scan;
    setUsage(event, target, usage, outputBytes, spent);
    // The provider said itself, in the stream, that it failed.
    if (errorText !== null) event.code = "upstream_error";
    const { response } = this.#call;
    if (this.#failure !== null) {
      const refusal = makeFailureRefusal(this.#failure);
      event.status = findStatus(refusal);
      event.code = refusal.code;
      this.#writeError(refusal);
    } else if (this.#scan instanceof TranslatedStream) this.#endTranslated(this.#scan, target);
    if (this.#client.left) setClientLeft(event);
    // Of sound that breaks off, only the connection can tell.
    else if (this.#failure !== null && !this.#isEvents) this.#writer?.breakOff();
    else {
      if (event.costNanoUsd !== null) response.addTrailers({ "x-tollgate-cost-usd": formatUsd(event.costNanoUsd) });
      this.#writer?.end();
    }
  }

  #endTranslated(scan: TranslatedStream, target: ProviderTarget): void {
    if (scan.errorText === null) return this.#write(scan.finish(makeAnswerFacts(this.#event)));
    const { message } = parseProviderError(Buffer.from(scan.errorText), target.credential);
    this.#writeError(makeRefusal("upstream_error", message === "" ? undefined : message));
  }

  #writeError(refusal: Refusal): void {
    if (this.#client.left || !this.#isEvents) return;
    const { surface, requestId } = this.#call;
    this.#write(surface.errors.formatEvent(surface.errors.makeBody(refusal, requestId)));
  }

  #write(bytes: Buffer): void {
    this.#event.bytesOut += bytes.length;
    this.#writer?.write(bytes);
  }
}
