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
  let call: UpstreamCall | null = null;
  let leave: () => void = () => undefined;
  let end: RunningAttempt["end"] = () => undefined;
  const result = new Promise<AttemptResult>((resolve) => {
    const settle = (outcome: AttemptResult): void => {
      times.endedAtMs = clock.monotonicMs();
      resolve(outcome);
    };
    leave = () => {
      call?.abort();
      settle({ kind: "left" });
    };
    let status = 0;
    let headers: AnswerHeaders = {};
    let type = "";
    let streaming = false;
    let begun = false;
    let first: Buffer | null = null;
    let rest: Buffer[] | null = null;
    const fail = (failure: UpstreamFailure): void => {
      if (begun && receiver !== null) {
        receiver.fail(failure);
        settle({ kind: "streamed", failure });
      } else settle({ kind: "failed", failure });
    };
    end = (failure) => {
      call?.abort();
      fail(failure);
    };
    passFailpoint("before-dispatch");
    call = provider.send(target, request, {
      onHead(headStatus, headHeaders) {
        status = headStatus;
        headers = headHeaders;
        type = findType(headHeaders["content-type"]);
        streaming = receiver !== null && status < 300 && receiver.takes(type);
      },
      onData(chunk) {
        if (times.firstByteAtMs < 0) {
          times.firstByteAtMs = clock.monotonicMs();
          passFailpoint("first-byte");
        }
        if (streaming && receiver !== null) {
          if (!begun) {
            receiver.begin(status, call as UpstreamCall, times, request, type);
            target.health.answer();
          }
          begun = true;
          const failure = receiver.push(chunk);
          if (failure === null) return;
          call?.abort();
          settle({ kind: "streamed", failure });
        } else if (first === null) first = chunk;
        else if (rest === null) rest = [first, chunk];
        else rest.push(chunk);
      },
      onEnd() {
        if (begun && receiver !== null) settle({ kind: "streamed", failure: receiver.end() });
        // To a client it would look like a whole answer that says nothing.
        else if (streaming) settle({ kind: "failed", failure: emptyStream });
        else
          settle({
            kind: "answered",
            status,
            headers,
            body: rest === null ? (first ?? Buffer.alloc(0)) : Buffer.concat(rest),
          });
      },
      onFailure: fail,
    });
    times.sentAtMs = clock.monotonicMs();
  });
  return { result, leave, end };
}

function findType(type: string | string[] | undefined): string {
  return typeof type === "string" ? type : "";
}

/** Whether an answer is a stream of events, by its content type. */
export function isEventStream(type: string): boolean {
  return type.startsWith("text/event-stream");
}
