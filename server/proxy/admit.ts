import type { IncomingMessage } from "node:http";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { isPermissionGranted } from "../core/permission.ts";
import { makeUpperBound } from "../core/price.ts";
import { isAddressAllowed, isModelGranted, type KnownKey, modelAnswersMax } from "../keys/known-key.ts";
import type { ResolvedModel } from "../providers/model-table.ts";
import type { ParsedInference } from "./parse.ts";

/** The address of the peer; an IPv4 address that came through an IPv6 socket in its own form. */
export function getClientAddress(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? "";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

function isOriginAllowed(allowed: readonly string[], origin: string): boolean {
  return allowed.some((entry) => {
    if (entry === origin) return true;
    const star = entry.indexOf("://*.");
    if (star === -1) return false;
    const scheme = entry.slice(0, star + 3);
    const suffix = entry.slice(star + 4);
    return origin.startsWith(scheme) && origin.endsWith(suffix) && origin.length > scheme.length + suffix.length;
  });
}

/** What can be judged before the body is read: permission, network, browser origin. */
export function findCallerRefusal(
  known: KnownKey,
  permission: string,
  address: string,
  origin: string | undefined,
): Refusal | null {
  const { key } = known;
  if (!isPermissionGranted(key.permissions, permission)) {
    return makeRefusal("permission_denied", `This key lacks the permission \`${permission}\`.`);
  }
  if (!isAddressAllowed(known, address)) return makeRefusal("ip_not_allowed");
  if (key.allowedOrigins.length > 0 && (origin === undefined || !isOriginAllowed(key.allowedOrigins, origin))) {
    return makeRefusal("origin_not_allowed");
  }
  return null;
}

/** What was decided for an admitted call. */
export interface Admission {
  /** Cap on output tokens that the provider is given, per choice; `null`: the client's request stays as it is. */
  outputTokensMax: number | null;
  /** The most that the call can cost at list price; 0 where it has none. */
  reservedNanoUsd: bigint;
}

/**
 * Decides over one call. Leaves nothing behind when it refuses.
 *
 * @param outputTokensDefault assumed where neither request, key nor model caps the output.
 */
export function admit(
  known: KnownKey,
  request: ParsedInference,
  model: ResolvedModel,
  outputTokensDefault: number,
): Admission | Refusal {
  if (!isAllowed(known, model.name)) {
    return makeRefusal("model_not_allowed", `This key may not call the model \`${request.model}\`.`, {
      param: "model",
    });
  }
  const keyCap = known.key.maxOutputTokens;
  const asked = request.outputTokensMax;
  const outputTokensMax = keyCap === null ? asked : asked === null ? keyCap : Math.min(keyCap, asked);
  // A token is at least one byte of the request, so its bytes bound its tokens.
  const bound = (outputTokensMax ?? model.outputTokensMax ?? outputTokensDefault) * request.choices;
  let reservedNanoUsd = 0n;
  for (const target of model.targets) {
    if (target.price === null) continue;
    const amount = makeUpperBound(target.price, request.body.length, bound);
    if (amount > reservedNanoUsd) reservedNanoUsd = amount;
  }
  return { outputTokensMax, reservedNanoUsd };
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
