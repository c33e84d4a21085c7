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
import { makeConversation, makeOrder } from "./dispatch-order.ts";
import { observeAttempt } from "./observe-attempt.ts";
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
  /** At least one, each with its credential. */
  targets: readonly ProviderTarget[];
  /** The key that calls. */
  publicId: string;
  /** Calls of one conversation go to one of the targets, where those have weights. */
  isSticky: boolean;
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
 * Calls the providers in order, or by their weights, each with its retries, until one answers. Only what happens before the
 * first byte is tried again. Providers that fail, or have as many calls as they may have, are passed over; where none is
 * left that may be called, nothing is.
 */
export async function dispatch(proxy: ProxyContext, input: DispatchInput): Promise<Dispatched> {
  const { clock } = proxy;
  const startedAtMs = clock.monotonicMs();
  const targets = findOrder(proxy, input);
  let attempts = 0;
  let spent: Spent | null = null;
  let running: RunningAttempt | null = null;
  let backoff: Backoff | null = null;
  if (input.abortWhenLeft) input.client.onLeft(() => running?.leave());
  input.open.onCut = () => running?.end(cutFailure);
  let index = findUsable(targets, 0, startedAtMs);
  if (index < 0) return makeOverloaded(input, targets, startedAtMs);
  for (;;) {
    const target = targets[index] as ProviderTarget;
    const provider = proxy.providers.get(target.type);
    const { wire, request, outputTokensMax, requestId } = input;
    const asked = makeUpstreamRequest(wire, request, target, outputTokensMax, requestId);
    for (let retry = 0; ; retry++) {
      const times: AttemptTimes = { sentAtMs: -1, firstByteAtMs: -1, endedAtMs: -1 };
      attempts++;
      const isProbe = target.health.begin();
      running = openAttempt(provider, target, asked, input.receiver, times, clock);
      const result = await running.result;
      observeAttempt(proxy, target, result, times, isProbe, targets.length > 1);
      const dispatched = { result, target, asked, spent, attempts, times, upstreamMs: times.endedAtMs - startedAtMs };
      if (!mayRetry(result) || input.client.left) return dispatched;
      // A breaker that has opened meanwhile ends the retries.
      const last = retry >= target.retriesMax || target.health.findRefusal(times.endedAtMs) !== null;
      const next = last ? findUsable(targets, index + 1, times.endedAtMs) : index;
      if (next < 0) return dispatched;
      const cost = findSpent(result, target);
      if (cost !== null) {
        if (!(await input.mayGoOn(cost.costNanoUsd))) return dispatched;
        spent = spent === null ? cost : addSpent(spent, cost);
      }
      if (last) {
        index = next;
        break;
      }
      await (backoff ??= makeBackoff({ minMs: 100, maxMs: 2_000 })).wait();
      // Nobody waits for another attempt any more.
      if (input.client.left) return dispatched;
      if (input.open.isCut) return { ...dispatched, result: { kind: "failed", failure: cutFailure } };
    }
  }
}

function findOrder({ random }: ProxyContext, { targets, request, publicId, isSticky }: DispatchInput) {
  if (targets.length < 2 || targets[0]?.weight === null) return targets;
  return makeOrder(targets, isSticky ? makeConversation(publicId, request) : null, random);
}

/** The first target from `index` on that may be called at the instant; -1 where there is none. */
function findUsable(targets: readonly ProviderTarget[], index: number, nowMs: number): number {
  for (let at = index; at < targets.length; at++) {
    const { health } = targets[at] as ProviderTarget;
    if (health.findRefusal(nowMs) === null) return at;
    health.refused++;
  }
  return -1;
}

function makeOverloaded(input: DispatchInput, targets: readonly ProviderTarget[], nowMs: number): Dispatched {
  const { wire, request, outputTokensMax, requestId } = input;
  const target = targets[0] as ProviderTarget;
  const waits = targets.map(({ health }) => health.getRetrySeconds(nowMs));
  const failure: UpstreamFailure = {
    kind: "overloaded",
    message: targets.map(({ health, providerName }) => `${providerName}: ${health.findRefusal(nowMs)}`).join(", "),
    retryAfterSeconds: Math.min(...waits),
  };
  return {
    result: { kind: "failed", failure },
    target,
    asked: makeUpstreamRequest(wire, request, target, outputTokensMax, requestId),
    spent: null,
    attempts: 0,
    times: { sentAtMs: -1, firstByteAtMs: -1, endedAtMs: nowMs },
    upstreamMs: 0,
  };
}
