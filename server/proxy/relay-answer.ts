import type { IncomingMessage, ServerResponse } from "node:http";
import { findStatus, makeRefusal, type Refusal } from "../core/error.ts";
import { roundMs } from "../core/milliseconds.ts";
import type { UsageEvent } from "../core/usage-event.ts";
import type { BudgetHold } from "../limits/budget-hold.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ProxyContext } from "./context.ts";
import type { Dispatched } from "./dispatch.ts";
import type { ParsedInference } from "./parse.ts";
import { findReportedUsage } from "./reported-usage.ts";
import { respondAnswer, respondRefusal } from "./respond.ts";
import { setUsage } from "./settle.ts";
import { makeAnswerFacts } from "./surfaces/answer-facts.ts";
import { findMediaType } from "./surfaces/media-type.ts";
import type { Surface } from "./surfaces/surface.ts";
import {
  findRetryAfter,
  isPassedOn,
  isSuccess,
  makeFailureRefusal,
  makePassedErrorBody,
  makeStatusRefusal,
} from "./upstream-refusal.ts";

/** The client went away before its answer; nobody reads this status, but usage tells it apart. */
const clientLeftStatus = 499;
const jsonType = "application/json";

/** The parts of a call that writing an answer needs. */
export interface RelayedCall {
  proxy: ProxyContext;
  request: IncomingMessage;
  response: ServerResponse;
  requestId: UsageEvent["id"];
  startedAtMs: number;
  corsOrigin: string | null;
  /** What is held for it in its budgets. */
  hold: BudgetHold | null;
  rateHeaders: readonly string[];
  surface: Surface;
}

/** Writes a whole answer (or what there is instead of one) to the client, and the usage onto the event. */
export function relayAnswer(
  call: RelayedCall,
  client: ClientConnection,
  event: UsageEvent,
  request: ParsedInference,
  dispatched: Dispatched,
  outputTokensMax: number | null,
): void {
  const { result, target, times, spent } = dispatched;
  if (times.firstByteAtMs >= 0) event.firstTokenMs = roundMs(times.firstByteAtMs - times.sentAtMs);
  if (result.kind === "failed") {
    // A provider that was working when the call was cut may charge for what it was sent.
    setUsage(event, target, null, result.failure.kind === "cut" ? 0 : -1, spent);
    refuse(call, event, makeFailureRefusal(result.failure));
    call.proxy.logger.warn(
      {
        request_id: call.requestId,
        provider: target.providerName,
        kind: result.failure.kind,
        reason: result.failure.message,
      },
      "the provider gave no answer",
    );
  } else if (result.kind === "answered") {
    const succeeded = isSuccess(result.status);
    // A provider that charges for an error says so in it.
    const reported = findReportedUsage(result.body, dispatched.asked.endpoint);
    setUsage(
      event,
      target,
      succeeded || reported?.ok ? reported : null,
      succeeded ? (call.surface.passesMedia ? 0 : result.body.length) : -1,
      spent,
    );
    const body = isPassedOn(result.status) ? makeBody(call, event, request, dispatched, result) : null;
    if (body === null)
      refuse(
        call,
        event,
        succeeded
          ? makeRefusal("upstream_error", "The provider's answer cannot be used.")
          : makeStatusRefusal(result.status, result.body, target.credential),
      );
    else {
      event.status = result.status;
      event.code = succeeded ? "" : "upstream_error";
      event.bytesOut = body.length;
      if (!client.left) {
        const now = call.proxy.clock.monotonicMs();
        const { passesMedia } = call.surface;
        const type = passesMedia && succeeded ? findMediaType(result.headers["content-type"], jsonType) : jsonType;
        respondAnswer(call.proxy.answers, call.response, result.status, type, body, {
          requestId: call.requestId,
          corsOrigin: call.corsOrigin,
          overheadMs: now - call.startedAtMs - dispatched.upstreamMs,
          costNanoUsd: event.costNanoUsd,
          rateHeaders: call.rateHeaders,
          budgetRemainingNanoUsd: findRemaining(call.hold, event),
          outputTokensMax,
          retryAfter: findRetryAfter(result.status, result.headers),
        });
      }
    }
  } else {
    // The client left before the first byte; the request is with the provider, which may charge for it.
    setUsage(event, target, null, 0, spent);
  }
  if (client.left) setClientLeft(event);
}

/** What the client reads of an answer that is passed on; `null` where it cannot be translated. */
function makeBody(
  { surface, requestId }: RelayedCall,
  event: UsageEvent,
  { translation }: ParsedInference,
  { target, asked }: Dispatched,
  { status, body }: { status: number; body: Buffer },
): Buffer | null {
  if (!isSuccess(status)) return makePassedErrorBody(status, body, target.credential, surface.errors, requestId);
  if (translation === null || !(translation.always || asked.endpoint !== surface.wire)) return body;
  try {
    const chat = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
    return Buffer.from(JSON.stringify(translation.makeAnswer(chat, makeAnswerFacts(event))));
  } catch {
    return null;
  }
}

/** What is left of the tightest budget once this call is charged what it cost. */
function findRemaining(hold: BudgetHold | null, { costNanoUsd }: UsageEvent): bigint | null {
  if (hold === null) return null;
  const left = hold.remaining + hold.amount - (costNanoUsd ?? 0n);
  return left > 0n ? left : 0n;
}

/** Marks an event whose client did not wait for its answer. */
export function setClientLeft(event: UsageEvent): void {
  event.status = clientLeftStatus;
  event.code = "client_closed_request";
}

function refuse(call: RelayedCall, event: UsageEvent, refusal: Refusal): void {
  event.status = findStatus(refusal);
  event.code = refusal.code;
  respondRefusal(
    call.request,
    call.response,
    call.requestId,
    refusal,
    call.corsOrigin,
    call.rateHeaders,
    call.surface.errors,
  );
}
