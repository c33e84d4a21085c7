import { isForbiddenToClients } from "../core/client-key.ts";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { makeInputBound } from "../core/input-bound.ts";
import { isOriginAllowed } from "../core/origin.ts";
import { isPermissionGranted } from "../core/permission.ts";
import { findOutputWithin, makeUpperBound } from "../core/price.ts";
import { makeUsageEstimate } from "../core/usage-estimate.ts";
import { isAddressAllowed, isModelGranted, type KnownKey, modelAnswersMax } from "../keys/known-key.ts";
import type { RateAmounts } from "../limits/rate-windows.ts";
import type { ResolvedModel } from "../providers/model-table.ts";
import type { ProviderTarget } from "../providers/types.ts";
import type { ParsedInference } from "./parse.ts";

/**
 * The request's origin where the key's own list holds it: pages of that origin may read the answer. `null` where it came
 * from no page, from another origin, or with a key that is for no page.
 */
export function findCorsOrigin(known: KnownKey, origin: string | undefined): string | null {
  const { allowedOrigins } = known.key;
  if (origin === undefined || allowedOrigins.length === 0) return null;
  return isOriginAllowed(allowedOrigins, origin) ? origin : null;
}

/** Whether the key may do something at all; one that lives in browsers never what is forbidden to those. */
export function isPermitted(known: KnownKey, permission: string): boolean {
  const { permissions, type } = known.key;
  return isPermissionGranted(permissions, permission) && !(type === "client" && isForbiddenToClients(permission));
}

/**
 * Whether the key may be used from where the request comes: its networks and its origins.
 *
 * @param corsOrigin of {@link findCorsOrigin}.
 */
export function findPlaceRefusal(known: KnownKey, address: string, corsOrigin: string | null): Refusal | null {
  if (!isAddressAllowed(known, address)) return makeRefusal("ip_not_allowed");
  const { allowedOrigins, type } = known.key;
  // A client key without any origin, however it came to that, is of use nowhere.
  const isBound = allowedOrigins.length > 0 || type === "client";
  return isBound && corsOrigin === null ? makeRefusal("origin_not_allowed") : null;
}

/** What can be judged before the body is read: permission, network, browser origin. */
export function findCallerRefusal(
  known: KnownKey,
  permission: string,
  address: string,
  corsOrigin: string | null,
): Refusal | null {
  if (!isPermitted(known, permission)) {
    return makeRefusal("permission_denied", `This key lacks the permission \`${permission}\`.`);
  }
  return findPlaceRefusal(known, address, corsOrigin);
}

/** What was decided for an admitted call. */
export interface Admission {
  /** In routing order; at least one. */
  targets: readonly ProviderTarget[];
  /** The most input tokens that the call can have. */
  inputTokensBound: number;
  /** Cap on output tokens that the provider is given, per choice; `null`: the client's request stays as it is. */
  outputTokensMax: number | null;
  /** Output tokens that are charged beside the answer's. */
  extraOutputTokens: number;
  /** As `CallBound` says. */
  isHourCached: boolean;
  /** The most output tokens that the call can have. */
  outputTokensBound: number;
  /** The most that the call can cost at list price; 0 where it has none. */
  reservedNanoUsd: bigint;
  /** The same with the smallest answer that is worth a call, where the client leaves that to the gateway. */
  leastNanoUsd: bigint;
}

/** An answer that is shorter than this is of no use to anybody. */
const outputTokensLeast = 16;

/**
 * Decides over one call. Leaves nothing behind when it refuses.
 *
 * @param outputTokensDefault assumed where neither request, key nor model caps the output.
 * @param isBudgeted the call is charged to a budget: it goes to providers with a price only, and its output is capped in
 * any case, because the cap is what its budget was asked for.
 */
export function admit(
  known: KnownKey,
  request: ParsedInference,
  model: ResolvedModel,
  outputTokensDefault: number,
  isBudgeted: boolean,
): Admission | Refusal {
  if (!isAllowed(known, model.name)) {
    return makeRefusal("model_not_allowed", `This key may not call the model \`${request.model}\`.`, {
      param: "model",
    });
  }
  const targets = isBudgeted ? model.pricedTargets : model.targets;
  if (targets.length === 0) {
    const message = `The model \`${request.model}\` has no price, and a budget holds for this key.`;
    return makeRefusal("model_unpriced", message, { param: "model" });
  }
  const keyCap = known.key.maxOutputTokens;
  const asked = request.outputTokensMax;
  const fallback = model.outputTokensMax ?? outputTokensDefault;
  let outputTokensMax = keyCap === null ? asked : asked === null ? keyCap : Math.min(keyCap, asked);
  if (isBudgeted) outputTokensMax ??= fallback;
  // A token is at least one byte of the request, so its bytes bound its tokens.
  const {
    inputTokens: inputTokensBound,
    extraOutputTokens,
    isHourCached,
  } = isBudgeted
    ? makeInputBound(request.json, request.inputBytes, findContextTokens(targets))
    : // Nobody's money hangs on it: what an event says that its gateway could not finish.
      { inputTokens: request.inputBytes, extraOutputTokens: 0, isHourCached: false };
  const cap = outputTokensMax ?? fallback;
  const findBound = (outputCap: number): bigint =>
    findCostBound(targets, inputTokensBound, outputCap * request.choices + extraOutputTokens, isHourCached);
  const reservedNanoUsd = findBound(cap);
  const leastCap = asked === null && isBudgeted ? Math.min(cap, outputTokensLeast) : cap;
  return {
    targets,
    inputTokensBound,
    outputTokensMax,
    extraOutputTokens,
    isHourCached,
    outputTokensBound: cap * request.choices,
    reservedNanoUsd,
    leastNanoUsd: leastCap === cap ? reservedNanoUsd : findBound(leastCap),
  };
}

/** The largest context window among the providers; `null` where one does not tell. */
function findContextTokens(targets: readonly ProviderTarget[]): number | null {
  let most = 0;
  for (const { contextTokensMax } of targets) {
    if (contextTokensMax === null) return null;
    most = Math.max(most, contextTokensMax);
  }
  return most;
}

/** The most that a call can cost at any of the providers; 0 where none has a price. */
function findCostBound(
  targets: readonly ProviderTarget[],
  inputTokens: number,
  outputTokens: number,
  isHourCached: boolean,
): bigint {
  let most = 0n;
  for (const { price } of targets) {
    if (price === null) continue;
    const amount = makeUpperBound(price, inputTokens, outputTokens, isHourCached);
    if (amount > most) most = amount;
  }
  return most;
}

/**
 * The admission of a call for which less was to be had than it could cost.
 *
 * @param amount at least `leastNanoUsd`.
 */
export function makeSmaller(admission: Admission, amount: bigint, choices: number): Admission {
  let outputTokens = admission.outputTokensBound;
  for (const { price } of admission.targets) {
    if (price === null) continue;
    const fitting =
      findOutputWithin(price, admission.inputTokensBound, amount, admission.isHourCached) - admission.extraOutputTokens;
    outputTokens = Math.min(outputTokens, fitting);
  }
  const outputTokensMax = Math.floor(outputTokens / choices);
  return { ...admission, outputTokensMax, outputTokensBound: outputTokensMax * choices, reservedNanoUsd: amount };
}

/** The admission of a call of whose input more is known. */
export function makeCounted(admission: Admission, inputTokensBound: number, request: ParsedInference): Admission {
  const { targets, outputTokensBound, isHourCached } = admission;
  const cap = outputTokensBound / request.choices;
  const leastCap = request.outputTokensMax === null ? Math.min(cap, outputTokensLeast) : cap;
  return {
    ...admission,
    inputTokensBound,
    reservedNanoUsd: findCostBound(targets, inputTokensBound, outputTokensBound, isHourCached),
    leastNanoUsd: findCostBound(targets, inputTokensBound, leastCap * request.choices, isHourCached),
  };
}

/** What a call is counted as in the limits of its key until it has ended. */
export function makeRateBound(bodyBytes: number, admission: Admission): RateAmounts {
  return {
    requests: 1,
    inputTokens: makeUsageEstimate(bodyBytes, 0).inputTokens,
    outputTokens: admission.outputTokensBound,
    cost: admission.reservedNanoUsd,
  };
}

function isAllowed(known: KnownKey, model: string): boolean {
  const answered = known.modelAnswers.get(model);
  if (answered !== undefined) return answered;
  const allowed = isModelGranted(known, model);
  if (known.modelAnswers.size < modelAnswersMax) known.modelAnswers.set(model, allowed);
  return allowed;
}

/** True where the key may call the model, asked outside the hot path. */
export function isModelListed(known: KnownKey, model: string): boolean {
  return isModelGranted(known, model);
}

/** The models of a list that the key may call. */
export function listAllowedModels(known: KnownKey, models: readonly string[]): string[] {
  return models.filter((model) => isModelListed(known, model));
}
