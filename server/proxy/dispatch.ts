import { type Backoff, makeBackoff } from "../platform/backoff.ts";
import type {
  ProviderTarget,
  UpstreamFailure,
  UpstreamFailureKind,
  UpstreamRequest,
  WireEndpoint,
} from "../providers/types.ts";
import {
  type AttemptResult,
  type AttemptTimes,
  openAttempt,
  type RunningAttempt,
  type StreamReceiver,
} from "./attempt.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ProxyContext } from "./context.ts";
import type { OpenCall } from "./open-calls.ts";
import type { ParsedInference } from "./parse.ts";
import { makeUpstreamRequest } from "./rewrite.ts";
import { addSpent, findSpent, type Spent } from "./spent.ts";

/** The attempt whose answer counts, and what all of them took. */
export interface Dispatched {
  result: AttemptResult;
  target: ProviderTarget;
  /** What it was asked, and so the shape of its answer. */
  asked: UpstreamRequest;
  /** What the attempts before it cost; `null`: nothing, as nearly always. */
  spent: Spent | null;
  attempts: number;
  times: AttemptTimes;
  /** Milliseconds that were spent waiting for providers, over all attempts and the pauses between them. */
  upstreamMs: number;
}

export interface DispatchInput {
  /** Of the surface that the request came by. */
  wire: WireEndpoint;
  request: ParsedInference;
  requestId: string;
  targets: readonly ProviderTarget[];
  outputTokensMax: number | null;
  receiver: StreamReceiver | null;
  client: ClientConnection;
  /** The client's leaving ends the call, instead of reading it to its end. */
  abortWhenLeft: boolean;
  /** Tells when the key was revoked together with its calls. */
  open: OpenCall;
  /**
   * An attempt that failed has cost something, nano-USD, and another is to be made. Answers whether that may be: the money
   * that is held covers one attempt.
   */
  mayGoOn(cost: bigint): Promise<boolean>;
}

/**
 * An answer that cannot be used (too large, an encoding that nobody asked for) would be the same again, and a call that
 * took all of its time leaves none for another.
 */
const finalFailures: ReadonlySet<UpstreamFailureKind> = new Set(["aborted", "cut", "protocol", "timeout_total"]);

const cutFailure: UpstreamFailure = { kind: "cut", message: "the key was revoked together with its calls" };

/** True where another attempt may help and nothing has reached the client yet. */
function mayRetry(result: AttemptResult): boolean {
  if (result.kind === "failed") return !finalFailures.has(result.failure.kind);
  return result.kind === "answered" && (result.status === 429 || result.status >= 500);
}

/**
 * Calls the providers in order, each with its retries, until one answers. Only what happens before the first byte is
 * tried again.
 */
export async function dispatch(proxy: ProxyContext, input: DispatchInput): Promise<Dispatched> {
  const { clock, metrics } = proxy;
  const startedAtMs = clock.monotonicMs();
  let attempts = 0;
  let spent: Spent | null = null;
  let running: RunningAttempt | null = null;
  let backoff: Backoff | null = null;
  if (input.abortWhenLeft) input.client.onLeft(() => running?.leave());
  input.open.onCut = () => running?.end(cutFailure);
  for (let index = 0; ; index++) {
    const target = input.targets[index] as ProviderTarget;
    const provider = proxy.providers.get(target.type);
    const asked = makeUpstreamRequest(input.wire, input.request, target, input.outputTokensMax, input.requestId);
    for (let retry = 0; ; retry++) {
      const times: AttemptTimes = { sentAtMs: -1, firstByteAtMs: -1, endedAtMs: -1 };
      attempts++;
      running = openAttempt(provider, target, asked, input.receiver, times, clock);
      const result = await running.result;
      metrics.observeAttempt(target.providerName, getOutcome(result));
      const done = !mayRetry(result) || input.client.left;
      const last = retry >= target.retriesMax;
      const dispatched = { result, target, asked, spent, attempts, times, upstreamMs: times.endedAtMs - startedAtMs };
      if (done || (last && index === input.targets.length - 1)) return dispatched;
      const cost = findSpent(result, target);
      if (cost !== null) {
        if (!(await input.mayGoOn(cost.costNanoUsd))) return dispatched;
        spent = spent === null ? cost : addSpent(spent, cost);
      }
      if (last) break;
      await (backoff ??= makeBackoff({ minMs: 100, maxMs: 2_000 })).wait();
      // Nobody waits for another attempt any more.
      if (input.client.left) return dispatched;
      if (input.open.isCut) return { ...dispatched, result: { kind: "failed", failure: cutFailure } };
    }
  }
}

function getOutcome(result: AttemptResult): "ok" | "refused" | "failed" | "timeout" | "aborted" {
  switch (result.kind) {
    case "answered":
      return result.status < 400 ? "ok" : result.status < 500 ? "refused" : "failed";
    case "streamed":
      return result.failure === null ? "ok" : "failed";
    case "failed":
      if (result.failure.kind === "cut") return "aborted";
      return result.failure.kind.startsWith("timeout") ? "timeout" : "failed";
    case "left":
      return "aborted";
  }
}
