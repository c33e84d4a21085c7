import type { IncomingMessage, ServerResponse } from "node:http";
import { makeRefusal, type Refusal } from "../core/error.ts";
import type { EventId } from "../core/id.ts";
import { roundMs } from "../core/milliseconds.ts";
import type { UsageEvent } from "../core/usage-event.ts";
import { isRefusal } from "../keys/authenticate.ts";
import type { KnownKey } from "../keys/known-key.ts";
import type { JournalEntry } from "../ledger/journal.ts";
import type { BudgetHold } from "../limits/budget-hold.ts";
import type { RateGrant } from "../limits/rate-windows.ts";
import type { ResolvedModel } from "../providers/model-table.ts";
import { makeAccessLine } from "./access-line.ts";
import { admit, findCallerRefusal, findCorsOrigin, makeRateBound } from "./admit.ts";
import { findCallTargets } from "./call-targets.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ProxyContext } from "./context.ts";
import { type Dispatched, dispatch } from "./dispatch.ts";
import { findBudgets } from "./find-budgets.ts";
import { findRateLimits } from "./find-rate-limits.ts";
import { makeEvent } from "./make-event.ts";
import { noticeRefusal } from "./notice-refusal.ts";
import type { OpenCall } from "./open-calls.ts";
import { makeRateHeaders, makeRateRefusal } from "./rate-headers.ts";
import { readBody } from "./read-body.ts";
import { relayAnswer } from "./relay-answer.ts";
import { StreamRelay } from "./relay-stream.ts";
import { parseRequestTags } from "./request-tags.ts";
import { reserveBudget } from "./reserve-budget.ts";
import { findModel } from "./resolve.ts";
import { respondRefusal } from "./respond.ts";
import { settle } from "./settle.ts";
import type { Surface } from "./surfaces/surface.ts";

/** What has been found out about a call; filled from top to bottom. */
interface Call {
  proxy: ProxyContext;
  surface: Surface;
  request: IncomingMessage;
  response: ServerResponse;
  requestId: EventId;
  startedAtMs: number;
  /** The origin whose pages may read the answer. */
  corsOrigin: string | null;
  /** From the moment the key is known. */
  open: OpenCall | null;
  model: ResolvedModel | null;
  hold: BudgetHold | null;
  /** What its answer says of the limits that it was counted in. */
  rateHeaders: readonly string[];
}

/**
 * One inference, from its head to its last byte:
 * authenticate, parse, resolve, admit, journal, dispatch, relay, settle. All branching on outcomes is here.
 */
export async function handleInference(
  proxy: ProxyContext,
  surface: Surface,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedAtMs = proxy.clock.monotonicMs();
  const requestId = proxy.makeEventId();
  const call: Call = {
    proxy,
    surface,
    request,
    response,
    requestId,
    startedAtMs,
    corsOrigin: null,
    open: null,
    model: null,
    hold: null,
    rateHeaders: [],
  };
  proxy.openRequests.count++;
  try {
    const authenticated = proxy.authenticate(request, surface.credential);
    const known = authenticated instanceof Promise ? await authenticated : authenticated;
    const refusal = isRefusal(known) ? refuseUnknown(call, known) : await runAdmitted(call, known);
    if (refusal === null) return;
    respondRefusal(request, response, call.requestId, refusal, call.corsOrigin, call.rateHeaders, surface.errors);
    observe(call, 0, refusal);
    noticeRefusal(proxy, request, surface.endpoint, known, refusal, call.corsOrigin, call.model);
  } catch (error) {
    proxy.logger.error({ err: error, request_id: call.requestId }, "a request failed inside the gateway");
    const refusal = makeRefusal("internal_error");
    if (response.headersSent) response.destroy();
    else respondRefusal(request, response, call.requestId, refusal, call.corsOrigin, call.rateHeaders, surface.errors);
    observe(call, 0, refusal);
  } finally {
    if (call.open !== null) proxy.openCalls.close(call.open);
    proxy.openRequests.count--;
  }
}

/** A page that a client key serves may read why its key is refused, else its author sees a network error. */
function refuseUnknown(call: Call, refusal: Refusal): Refusal {
  const { origin } = call.request.headers;
  if (origin !== undefined && call.proxy.clientOrigins.isHeld(origin)) call.corsOrigin = origin;
  return refusal;
}

/** Everything behind the key. Answers `null` once the call was dealt with, or the refusal to write. */
async function runAdmitted(call: Call, known: KnownKey): Promise<Refusal | null> {
  const { proxy, surface, request, response } = call;
  const open = proxy.openCalls.open(known.key.publicId);
  call.open = open;
  const address = proxy.findClientAddress(request);
  const origin = request.headers.origin;
  call.corsOrigin = findCorsOrigin(known, origin);
  proxy.lastUsed.noticeUse(known, proxy.clock.nowMs(), address);
  const callerRefusal = findCallerRefusal(known, "ai:inference", address, call.corsOrigin);
  if (callerRefusal !== null) return callerRefusal;
  if (proxy.flusher.isFull) return makeRefusal("store_unavailable", undefined, { retryAfterSeconds: 1 });

  const body = await readBody(request, proxy.config.gateway.bodyBytesMax, surface.takesForms);
  if (body === null) return null;
  if (!Buffer.isBuffer(body)) return body;
  const read = surface.parse(proxy, body, request);
  const parsed = read instanceof Promise ? await read : read;
  if ("code" in parsed) return parsed;
  const tags = parseRequestTags(parsed.json, request.headers["x-tollgate-tags"] as string | undefined, known.key.tags);
  if (typeof tags !== "string") return tags;
  const found = findModel(proxy.models, parsed.model);
  if ("code" in found) return found;
  const model = surface.prepare(parsed, found);
  if ("code" in model) return model;
  call.model = model;
  const budgets = findBudgets(known, proxy.rules, proxy.clock.nowMs());
  let admission = admit(known, parsed, model, proxy.config.gateway.outputTokensDefault, budgets.length > 0);
  if ("code" in admission) return admission;
  const { credentials } = parsed;
  const targets = findCallTargets(proxy, known, { targets: admission.targets, model, credentials });
  if ("code" in targets) return targets;

  let grant: RateGrant | null = null;
  const limits = findRateLimits(proxy, known, { model: model.name, clientIp: address, origin, requestTags: tags });
  if (limits !== null) {
    const bound = makeRateBound(parsed.inputBytes, admission);
    const answer = proxy.rateWindows.reserve(limits.buckets, limits.slots, bound, true);
    const asked = answer instanceof Promise ? await answer : answer;
    call.rateHeaders = makeRateHeaders(asked.states);
    if (!asked.ok) return makeRateRefusal(asked);
    grant = asked;
  }
  let hold: BudgetHold | null = null;
  if (budgets.length > 0) {
    const asked = reserveBudget(proxy, budgets, parsed, admission);
    const budgeted = asked instanceof Promise ? await asked : asked;
    if ("code" in budgeted) {
      grant?.undo();
      return budgeted;
    }
    ({ hold, admission } = budgeted);
    call.hold = hold;
  }
  // While the body was on its way, or a store was asked.
  if (open.isCut) {
    grant?.undo();
    hold?.release();
    return makeRefusal("revoked_api_key");
  }
  const windowIds = hold?.windowIds ?? "";
  const event = makeEvent(
    call.requestId,
    known,
    surface.endpoint,
    parsed,
    model,
    admission,
    tags,
    windowIds,
    address,
    origin,
  );
  let entry: JournalEntry;
  try {
    entry = proxy.journal.open(event);
    await entry.written;
  } catch {
    grant?.undo();
    hold?.release();
    return makeRefusal("store_unavailable", "The journal cannot be written.", { retryAfterSeconds: 1 });
  }
  const client = new ClientConnection(response);
  // The client is told of a cap that it did not set itself.
  const ownCap = admission.outputTokensMax === parsed.outputTokensMax ? null : admission.outputTokensMax;
  const relay = parsed.stream || surface.passesMedia ? new StreamRelay(call, client, event, parsed, ownCap) : null;
  let dispatched: Dispatched | null = null;
  try {
    dispatched = await dispatch(proxy, {
      wire: surface.wire,
      request: parsed,
      requestId: call.requestId,
      targets,
      publicId: known.key.publicId,
      isSticky: model.isSticky,
      outputTokensMax: admission.outputTokensMax,
      receiver: relay,
      client,
      abortWhenLeft: known.key.onDisconnect === "abort",
      open,
      async mayGoOn(cost) {
        if (hold !== null && !(await hold.grow(cost))) return false;
        event.reservedNanoUsd += cost;
        if (event.costNanoUsd !== null) event.costNanoUsd = event.reservedNanoUsd;
        try {
          const again = proxy.journal.open(event, entry);
          await again.written;
          entry = again;
          return true;
        } catch {
          return false;
        }
      },
    });
    event.attempts = dispatched.attempts;
    if (relay?.begun) relay.finish(dispatched);
    else relayAnswer(call, client, event, parsed, dispatched, ownCap);
  } finally {
    event.latencyMs = roundMs(proxy.clock.monotonicMs() - call.startedAtMs);
    settle(proxy, entry, grant, hold, event);
  }
  observe(call, dispatched.upstreamMs, null, event);
  return null;
}

/** Counts and logs a call that has ended. */
function observe(call: Call, upstreamMs: number, refusal: Refusal | null, event?: UsageEvent): void {
  const { proxy, surface, request, response } = call;
  const durationMs = proxy.clock.monotonicMs() - call.startedAtMs;
  const status = event?.status ?? response.statusCode;
  const code = event?.code ?? refusal?.code ?? "";
  proxy.metrics.observeRequest(surface.endpoint, status, code, durationMs, durationMs - upstreamMs);
  if (!proxy.config.log.access) return;
  proxy.logger.writeLine(
    makeAccessLine(proxy.clock.nowMs(), {
      requestId: call.requestId,
      endpoint: surface.endpoint,
      status,
      code,
      publicId: event?.publicId ?? "",
      model: event?.model ?? "",
      durationMs,
      address: event?.clientIp ?? proxy.findClientAddress(request),
    }),
  );
}
