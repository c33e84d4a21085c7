import type { Clock } from "../platform/clock.ts";
import { passFailpoint } from "../platform/failpoint.ts";
import type {
  Provider,
  ProviderTarget,
  UpstreamCall,
  UpstreamFailure,
  UpstreamRequest,
  UpstreamSink,
} from "../providers/types.ts";

export type AnswerHeaders = Parameters<UpstreamSink["onHead"]>[1];

/** How one attempt at a provider ended. */
export type AttemptResult =
  /** A whole answer in memory: any JSON answer, and any answer with an error status. */
  | { kind: "answered"; status: number; headers: AnswerHeaders; body: Buffer }
  /** A stream was relayed; `failure` where it broke in the middle. */
  | { kind: "streamed"; failure: UpstreamFailure | null }
  /** Nothing came that could be passed on. */
  | { kind: "failed"; failure: UpstreamFailure }
  /** We ended it because the client had left. */
  | { kind: "left" };

/** Takes a stream's bytes as they come. */
export interface StreamReceiver {
  /** Whether an answer of this content type is taken as it comes; else it is collected. */
  takes(type: string): boolean;
  /** The first bytes are here: from now on nothing can be tried again. */
  begin(status: number, call: UpstreamCall, times: AttemptTimes, asked: UpstreamRequest, type: string): void;
  /** Answers why the stream cannot go on, or `null`. */
  push(chunk: Buffer): UpstreamFailure | null;
  /** Clean end; answers what was wrong with the stream, if anything. */
  end(): UpstreamFailure | null;
  fail(failure: UpstreamFailure): void;
}

const emptyStream: UpstreamFailure = { kind: "reset", message: "the stream ended before its first byte" };

/** A call that is running; `leave` ends it because the client is gone. */
export interface RunningAttempt {
  result: Promise<AttemptResult>;
  leave(): void;
  /** Ends it with a failure of our own making, which the client is told. */
  end(failure: UpstreamFailure): void;
}

/** Times of an attempt in monotonic milliseconds; -1 while they have not come. */
export interface AttemptTimes {
  sentAtMs: number;
  firstByteAtMs: number;
  endedAtMs: number;
}

/**
 * Sends a request once. An event stream goes to `receiver` as it comes, beginning with its first byte; every other answer
 * is collected.
 */
export function openAttempt(
  provider: Provider,
  target: ProviderTarget,
  request: UpstreamRequest,
  receiver: StreamReceiver | null,
  times: AttemptTimes,
  clock: Clock,
): RunningAttempt {
  const attempt = new Attempt(target, request, receiver, times, clock);
  attempt.send(provider);
  return attempt;
}

/** The attempt and what takes its answer in one object: as closures they were a dozen objects for each request. */
class Attempt implements RunningAttempt, UpstreamSink {
  readonly result: Promise<AttemptResult>;
  private resolve: (outcome: AttemptResult) => void = () => undefined;
  private readonly target: ProviderTarget;
  private readonly request: UpstreamRequest;
  private readonly receiver: StreamReceiver | null;
  private readonly times: AttemptTimes;
  private readonly clock: Clock;
  private call: UpstreamCall | null = null;
  private status = 0;
  private headers: AnswerHeaders = {};
  private type = "";
  private isStreaming = false;
  private hasBegun = false;
  private first: Buffer | null = null;
  private rest: Buffer[] | null = null;

  constructor(
    target: ProviderTarget,
    request: UpstreamRequest,
    receiver: StreamReceiver | null,
    times: AttemptTimes,
    clock: Clock,
  ) {
    this.target = target;
    this.request = request;
    this.receiver = receiver;
    this.times = times;
    this.clock = clock;
    this.result = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  send(provider: Provider): void {
    passFailpoint("before-dispatch");
    this.call = provider.send(this.target, this.request, this);
    this.times.sentAtMs = this.clock.monotonicMs();
  }

  leave(): void {
    this.call?.abort();
    this.settle({ kind: "left" });
  }

  end(failure: UpstreamFailure): void {
    this.call?.abort();
    this.onFailure(failure);
  }

  onHead(status: number, headers: AnswerHeaders): void {
    this.status = status;
    this.headers = headers;
    this.type = findType(headers["content-type"]);
    this.isStreaming = this.receiver !== null && status < 300 && this.receiver.takes(this.type);
  }

  onData(chunk: Buffer): void {
    const { receiver, times } = this;
    if (times.firstByteAtMs < 0) {
      times.firstByteAtMs = this.clock.monotonicMs();
      passFailpoint("first-byte");
    }
    if (this.isStreaming && receiver !== null) {
      if (!this.hasBegun) {
        receiver.begin(this.status, this.call as UpstreamCall, times, this.request, this.type);
        this.target.health.answer();
      }
      this.hasBegun = true;
      const failure = receiver.push(chunk);
      if (failure === null) return;
      this.call?.abort();
      this.settle({ kind: "streamed", failure });
    } else if (this.first === null) this.first = chunk;
    else if (this.rest === null) this.rest = [this.first, chunk];
    else this.rest.push(chunk);
  }

  onEnd(): void {
    const { receiver, status, headers } = this;
    if (this.hasBegun && receiver !== null) this.settle({ kind: "streamed", failure: receiver.end() });
    // To a client it would look like a whole answer that says nothing.
    else if (this.isStreaming) this.settle({ kind: "failed", failure: emptyStream });
    else {
      const body = this.rest === null ? (this.first ?? Buffer.alloc(0)) : Buffer.concat(this.rest);
      this.settle({ kind: "answered", status, headers, body });
    }
  }

  onFailure(failure: UpstreamFailure): void {
    if (this.hasBegun && this.receiver !== null) {
      this.receiver.fail(failure);
      this.settle({ kind: "streamed", failure });
    } else this.settle({ kind: "failed", failure });
  }

  private settle(outcome: AttemptResult): void {
    this.times.endedAtMs = this.clock.monotonicMs();
    this.resolve(outcome);
  }
}

function findType(type: string | string[] | undefined): string {
  return typeof type === "string" ? type : "";
}

/** Whether an answer is a stream of events, by its content type. */
export function isEventStream(type: string): boolean {
  return type.startsWith("text/event-stream");
}
