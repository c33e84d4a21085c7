import type { Dispatcher } from "undici";
import type { Clock } from "../platform/clock.ts";
import type { ProviderTimeouts, UpstreamCall, UpstreamFailure, UpstreamFailureKind, UpstreamSink } from "./types.ts";
import { makeUpstreamFailure } from "./upstream-failure.ts";
import { type AnswerHeaders, findHeadFault } from "./upstream-headers.ts";
import type { Deadlines, Timed } from "./upstream-timeouts.ts";

/** What all attempts of one target share. */
export interface AttemptRoute {
  host: string;
  timeouts: ProviderTimeouts;
  clock: Clock;
  deadlines: Deadlines;
  answerBytesMax: number;
}

type Phase = "connect" | "head" | "first_byte" | "body" | "ended";

/** Thrown at undici when a call ended before it had a connection: the request is skipped, the connection stays. */
const skipped = new Error("the call had ended before it was sent");
const ended = new Error("the call was ended by the gateway");

const timeouts: Readonly<Record<Exclude<Phase, "ended"> | "total", UpstreamFailure>> = {
  connect: { kind: "connect", message: "no connection in time" },
  head: { kind: "timeout_first_byte", message: "no answer in time" },
  first_byte: { kind: "timeout_first_byte", message: "no first byte of the answer in time" },
  body: { kind: "timeout_idle", message: "silence in the middle of the answer" },
  total: { kind: "timeout_total", message: "no end of the answer in time" },
};

/** One attempt: undici's handler, the caller's {@link UpstreamCall} and the watched deadline in one object. */
export class UpstreamAttempt implements Dispatcher.DispatchHandler, UpstreamCall, Timed {
  deadlineMs: number;
  slot = -1;
  private readonly route: AttemptRoute;
  private readonly sink: UpstreamSink;
  private readonly totalDeadlineMs: number;
  private phase: Phase = "connect";
  private paused = false;
  private controller: Dispatcher.DispatchController | null = null;

  constructor(route: AttemptRoute, sink: UpstreamSink) {
    this.route = route;
    this.sink = sink;
    const nowMs = route.clock.monotonicMs();
    this.totalDeadlineMs = nowMs + route.timeouts.totalMs;
    this.deadlineMs = Math.min(nowMs + route.timeouts.connectMs, this.totalDeadlineMs);
    route.deadlines.insert(this);
  }

  pause(): void {
    if (this.paused || this.phase === "ended") return;
    this.paused = true;
    // Silence that the sink asked for is not the upstream's.
    if (this.phase === "first_byte" || this.phase === "body") this.deadlineMs = this.totalDeadlineMs;
    this.controller?.pause();
  }

  resume(): void {
    if (!this.paused || this.phase === "ended") return;
    this.paused = false;
    if (this.phase === "first_byte") this.setDeadline(this.route.timeouts.firstByteMs);
    else if (this.phase === "body") this.setDeadline(this.route.timeouts.idleMs);
    this.controller?.resume();
  }

  abort(): void {
    if (this.phase === "ended") return;
    this.end();
    this.controller?.abort(ended);
  }

  expire(nowMs: number): void {
    if (this.phase === "ended") return;
    const { kind, message } = timeouts[nowMs >= this.totalDeadlineMs ? "total" : this.phase];
    this.fail(kind, message);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.phase === "ended") throw skipped;
    this.controller = controller;
    this.phase = "head";
    this.setDeadline(this.route.timeouts.firstByteMs);
    if (this.paused) controller.pause();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    if (this.phase === "ended" || status < 200) return;
    const fault = findHeadFault(headers, this.route.answerBytesMax);
    if (fault !== null) {
      this.fail("protocol", fault);
      return;
    }
    this.phase = "first_byte";
    if (this.paused) this.deadlineMs = this.totalDeadlineMs;
    this.sink.onHead(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.phase === "ended") return;
    this.phase = "body";
    // A chunk may still arrive after `pause`: what was being parsed is delivered.
    if (!this.paused) this.setDeadline(this.route.timeouts.idleMs);
    this.sink.onData(chunk);
  }

  onResponseEnd(): void {
    if (this.phase === "ended") return;
    this.end();
    this.sink.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.phase === "ended") return;
    const sent = this.controller !== null;
    const failure = makeUpstreamFailure(error, sent, this.route.host);
    const tell = (): void => {
      if (this.phase === "ended") return;
      this.end();
      this.sink.onFailure(failure);
    };
    // undici reports what it finds wrong with a request before `dispatch` returns; the caller has no call object yet.
    if (sent) tell();
    else queueMicrotask(tell);
  }

  private setDeadline(afterMs: number): void {
    this.deadlineMs = Math.min(this.route.clock.monotonicMs() + afterMs, this.totalDeadlineMs);
  }

  private end(): void {
    this.phase = "ended";
    this.route.deadlines.delete(this);
  }

  private fail(kind: UpstreamFailureKind, message: string): void {
    this.end();
    this.controller?.abort(ended);
    this.sink.onFailure({ kind, message: `${this.route.host}: ${message}` });
  }
}
