import type { IncomingMessage, ServerResponse } from "node:http";
import { type ErrorCode, makeRefusal, type Refusal } from "../../core/error.ts";
import { makeValidationRefusal } from "../../core/input-issues.ts";
import type { NanoUsd } from "../../core/money.ts";
import { findGrantProblems } from "../../core/permission.ts";
import { type VerifyAnswer, type VerifyCode, type VerifyInput, verifyInput } from "../../core/verify-schema.ts";
import { isRefusal } from "../../keys/authenticate.ts";
import { isCredentialText } from "../../keys/credential-header.ts";
import { findStateRefusal } from "../../keys/find-key.ts";
import type { KnownKey } from "../../keys/known-key.ts";
import type { RateAmounts, RateState } from "../../limits/rate-windows.ts";
import { makeBudgetRefusal } from "../budget-refusal.ts";
import { openCaller } from "../caller.ts";
import type { ProxyContext } from "../context.ts";
import { findBudgets } from "../find-budgets.ts";
import { findUseRefusal, reserveUse } from "../key-use.ts";
import { parseJsonInput } from "../parse-json-input.ts";
import { findTightest } from "../rate-headers.ts";
import { readBody } from "../read-body.ts";
import { respondJson, respondRefusal } from "../respond.ts";

const bodyBytesMax = 65_536;

const codes: Partial<Record<ErrorCode, VerifyCode>> = {
  expired_api_key: "EXPIRED",
  disabled_api_key: "DISABLED",
  revoked_api_key: "REVOKED",
  permission_denied: "INSUFFICIENT_PERMISSIONS",
  model_not_allowed: "MODEL_NOT_ALLOWED",
  ip_not_allowed: "IP_NOT_ALLOWED",
  origin_not_allowed: "ORIGIN_NOT_ALLOWED",
  rate_limit_exceeded: "RATE_LIMITED",
  token_limit_exceeded: "RATE_LIMITED",
  budget_exceeded: "BUDGET_EXCEEDED",
};

const notFound: VerifyAnswer = {
  valid: false,
  code: "NOT_FOUND",
  public_id: null,
  owner_id: null,
  tags: null,
  permissions: null,
  remaining: null,
  reset_at: null,
  expires_at: null,
};

/**
 * `POST /v1/keys/verify`: another server asks whether a key that was presented to it may be used. As fast and as fresh as
 * authentication, whose cache it uses. Who did not present the whole text of a key learns that there is none, no more.
 */
export async function handleVerifyKey(
  proxy: ProxyContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedAtMs = proxy.clock.monotonicMs();
  try {
    const caller = await openCaller(proxy, request, response, "keys:verify");
    if (caller === null) return;
    const answer = await loadAnswer(proxy, request);
    if (answer === null) return;
    if ("message" in answer) respondRefusal(request, response, caller.requestId, answer, caller.corsOrigin);
    else respondJson(response, caller.requestId, answer, caller.corsOrigin);
  } catch (error) {
    // No route behind this one would catch it.
    proxy.logger.error({ err: error }, "a verification failed inside the gateway");
    respondRefusal(request, response, proxy.makeEventId(), makeRefusal("internal_error"));
  } finally {
    const durationMs = proxy.clock.monotonicMs() - startedAtMs;
    proxy.metrics.observeRequest("verify_key", response.statusCode, "", durationMs, durationMs);
  }
}

/** @returns `null` where the client went away. */
async function loadAnswer(proxy: ProxyContext, request: IncomingMessage): Promise<VerifyAnswer | Refusal | null> {
  const body = await readBody(request, bodyBytesMax);
  if (!Buffer.isBuffer(body)) return body;
  const parsed = parseJsonInput(verifyInput, body);
  if (!parsed.ok) return parsed.refusal;
  const { input } = parsed;
  const unknown = findGrantProblems(input.permissions ?? [], proxy.config.permissions);
  if (unknown.length > 0) return makeValidationRefusal(unknown);
  const known = isCredentialText(input.key) ? await proxy.findKey(input.key) : null;
  if (known === null) return notFound;
  return isRefusal(known) ? known : await loadKeyAnswer(proxy, known, input);
}

async function loadKeyAnswer(
  proxy: ProxyContext,
  known: KnownKey,
  input: VerifyInput,
): Promise<VerifyAnswer | Refusal> {
  const nowMs = proxy.clock.nowMs();
  const { permissions = [], model = null, ip = "", origin } = input;
  const mayUse =
    findStateRefusal(known, nowMs) ?? findUseRefusal(proxy, known, { permissions, model, address: ip, origin });
  const isShort = mayUse ?? (await findBudgetRefusal(proxy, known, input.cost_usd ?? 0n, nowMs));
  const { refusal, states } = await reserveUse(proxy, known, makeAmounts(input), isShort);
  // Our own fault says nothing about the key.
  if (refusal?.code === "store_unavailable") return refusal;
  const code = refusal === null ? "VALID" : codes[refusal.code];
  if (code === undefined) throw new Error(`no code for ${refusal?.code}`);
  if (refusal === null) proxy.lastUsed.noticeUse(known, nowMs, ip);
  const { key, expiresAtMs } = known;
  return {
    valid: refusal === null,
    code,
    public_id: key.publicId,
    owner_id: key.ownerId,
    tags: { ...key.tags },
    permissions: [...key.permissions],
    ...makeRateView(states, nowMs),
    expires_at: Number.isFinite(expiresAtMs) ? new Date(expiresAtMs).toISOString() : null,
  };
}

/**
 * Why a use does not fit the budgets of a key, or of those above it. It is only asked: what is held for it is released at
 * once, because only an event charges a budget, and a verification makes none.
 */
async function findBudgetRefusal(
  proxy: ProxyContext,
  known: KnownKey,
  cost: NanoUsd,
  nowMs: number,
): Promise<Refusal | null> {
  const windows = findBudgets(known, proxy.rules, nowMs);
  if (windows.length === 0) return null;
  const amount = cost > 0n ? cost : 1n;
  const outcome = await proxy.budgets.reserve(windows, amount, amount);
  if (!outcome.ok) return makeBudgetRefusal(outcome, proxy.config.limits.budgetExceededStatus);
  outcome.release();
  return null;
}

function makeAmounts({ requests = 1, tokens = 0, cost_usd: cost = 0n }: VerifyInput): RateAmounts {
  return { requests, inputTokens: tokens, outputTokens: 0, cost };
}

function makeRateView(states: readonly RateState[], nowMs: number): Pick<VerifyAnswer, "remaining" | "reset_at"> {
  const state = findTightest(states);
  if (state === null) return { remaining: null, reset_at: null };
  return { remaining: Math.floor(state.remaining), reset_at: new Date(nowMs + state.resetMs).toISOString() };
}
