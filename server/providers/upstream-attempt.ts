import type { Client, Dispatcher } from "undici";
import type { Clock } from "../platform/clock.ts";
import type { ProviderTimeouts, UpstreamCall, UpstreamFailure, UpstreamFailureKind, UpstreamSink } from "./types.ts";
import type { Connections, ConnectionUser } from "./upstream-connections.ts";
import { makeUpstreamFailure, type UpstreamStage } from "./upstream-failure.ts";
import { type AnswerHeaders, findHeadFault, parseAnswerHeaders } from "./upstream-headers.ts";
import type { Deadlines, Timed } from "./upstream-timeouts.ts";

/** What all attempts of one target share. */
export interface AttemptRoute {
  host: string;
  connections: Connections;
  timeouts: ProviderTimeouts;
  clock: Clock;
  deadlines: Deadlines;
  answerBytesMax: number;
}

type Phase = UpstreamStage | "first_byte" | "ended";

const ended = new Error("the call was ended by the gateway");

const timeouts: Readonly<Record<Exclude<Phase, "ended"> | "total", UpstreamFailure>> = {
  connect: { kind: "connect", message: "no connection in time" },
  head: { kind: "timeout_first_byte", message: "no answer in time" },
  first_byte: { kind: "timeout_first_byte", message: "no first byte of the answer in time" },
  body: { kind: "timeout_idle", message: "silence in the middle of the answer" },
  total: { kind: "timeout_total", message: "no end of the answer in time" },
};

/** One attempt: undici's handler, the caller's {@link UpstreamCall}, the connection's user and the watched deadline
 * in one object: 0.5 us above a bare dispatch. */
export class UpstreamAttempt implements Dispatcher.DispatchHandler, UpstreamCall, ConnectionUser, Timed {
  deadlineMs: number;
  slot = -1;
  private readonly route: AttemptRoute;
  private readonly request: Dispatcher.DispatchOptions;
  private readonly sink: UpstreamSink;
  private readonly totalDeadlineMs: number;
  private phase: Phase = "connect";
  private paused = false;
  private readonly isStream: boolean;
  private heldBytes = 0;
  private heldBytesMax: number;
  private client: Client | null = null;
  private abortRequest: ((error?: Error) => void) | null = null;
  private resumeReading: (() => void) | null = null;

  constructor(route: AttemptRoute, request: Dispatcher.DispatchOptions, isStream: boolean, sink: UpstreamSink) {
    this.isStream = isStream;
    this.route = route;
    this.request = request;
    this.sink = sink;
    this.heldBytesMax = route.answerBytesMax;
    const nowMs = route.clock.monotonicMs();
    this.totalDeadlineMs = nowMs + route.timeouts.totalMs;
    this.deadlineMs = Math.min(nowMs + route.timeouts.connectMs, this.totalDeadlineMs);
    route.deadlines.insert(this);
  }

  start(client: Client): void {
    this.client = client;
    client.dispatch(this.request, this);
  }

  refuse(): void {
    queueMicrotask(() => this.fail("aborted", "the gateway is closing"));
  }

  pause(): void {
    if (this.paused || this.phase === "ended") return;
    this.paused = true;
    // Silence that the sink asked for is not the upstream's.
    if (this.phase === "first_byte" || this.phase === "body") this.deadlineMs = this.totalDeadlineMs;
  }

  resume(): void {
    if (!this.paused || this.phase === "ended") return;
    this.paused = false;
    if (this.phase === "first_byte") this.setDeadline(this.route.timeouts.firstByteMs);
    else if (this.phase === "body") this.setDeadline(this.route.timeouts.idleMs);
    this.resumeReading?.();
  }

  abort(): void {
    if (this.phase !== "ended") this.breakOff();
  }

  expire(nowMs: number): void {
    if (this.phase === "ended") return;
    const { kind, message } = timeouts[nowMs >= this.totalDeadlineMs ? "total" : this.phase];
    this.fail(kind, message);
  }

  // undici's older handler interface: the newer one is an adapter over it that makes an object of all headers (1.5 us).
  onConnect(abort: (error?: Error) => void): void {
    this.abortRequest = abort;
    this.phase = "head";
    this.setDeadline(this.route.timeouts.firstByteMs);
  }

  onHeaders(status: number, rawHeaders: Buffer[] | null, resume: () => void): boolean {
    this.resumeReading = resume;
    if (this.phase === "ended" || status < 200) return true;
    const headers = parseAnswerHeaders(rawHeaders ?? []);
    const fault = typeof headers === "string" ? headers : findHeadFault(headers, this.route.answerBytesMax);
    if (fault !== null) {
      this.fail("protocol", fault);
      return true;
    }
    this.phase = "first_byte";
    // A stream is passed on as it comes; all else is held until it is whole.
    if (this.isStream && status < 300 && isStreamType(String((headers as AnswerHeaders)["content-type"]))) {
      this.heldBytesMax = Number.POSITIVE_INFINITY;
    }
    if (this.paused) this.deadlineMs = this.totalDeadlineMs;
    this.sink.onHead(status, headers as AnswerHeaders);
    return !this.paused;
  }

  onData(chunk: Buffer): boolean {
    if (this.phase === "ended") return true;
    this.heldBytes += chunk.length;
    if (this.heldBytes > this.heldBytesMax) {
      this.fail("protocol", `the answer is over ${this.route.answerBytesMax} bytes`);
      return true;
    }
    this.phase = "body";
    // A chunk may still arrive after `pause`: what was being parsed is delivered.
    if (!this.paused) this.setDeadline(this.route.timeouts.idleMs);
    this.sink.onData(chunk);
    return !this.paused;
  }

  onComplete(): void {
    if (this.phase === "ended") return;
    this.end();
    if (this.client !== null) this.route.connections.release(this.client);
    this.sink.onEnd();
  }

  onError(error: Error): void {
    if (this.phase === "ended") return;
    const stage = this.phase === "first_byte" ? "body" : this.phase;
    const { kind, message } = makeUpstreamFailure(error, stage);
    // undici reports what it finds wrong with a request before `dispatch` returns; the caller has no call object yet.
    if (stage === "connect") queueMicrotask(() => this.fail(kind, message));
    else this.fail(kind, message);
  }

  private setDeadline(afterMs: number): void {
    this.deadlineMs = Math.min(this.route.clock.monotonicMs() + afterMs, this.totalDeadlineMs);
  }

  private end(): void {
    this.phase = "ended";
    this.route.deadlines.delete(this);
  }

  /** Ends an attempt that has no whole answer. Its connection goes with it: the rest of the answer may still come. */
  private breakOff(): void {
    this.end();
    this.abortRequest?.(ended);
    this.route.connections.delete(this, this.client);
  }

  private fail(kind: UpstreamFailureKind, message: string): void {
    if (this.phase === "ended") return;
    this.breakOff();
    this.sink.onFailure({ kind, message: `${this.route.host}: ${message}` });
  }
}

function isStreamType(type: string): boolean {
  return type.startsWith("text/event-stream") || type.startsWith("application/vnd.amazon.eventstream");
}
