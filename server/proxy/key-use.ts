import { makeRefusal, type Refusal } from "../core/error.ts";
import type { KnownKey } from "../keys/known-key.ts";
import type { RateAmounts } from "../limits/rate-limiter.ts";
import { findCorsOrigin, findPlaceRefusal, isModelListed, isPermitted } from "./admit.ts";
import type { ProxyContext } from "./context.ts";
import { makeRateRefusal } from "./rate-headers.ts";

/** What somebody wants to do with a live key, at this gateway or at another server that asks it. */
export interface KeyUse {
  /** All of them are needed. */
  permissions: readonly string[];
  model: string | null;
  /** `""` where it is not known: a key that is bound to networks may not be used then. */
  address: string;
  /** The same for origins. */
  origin: string | undefined;
}

/** Why the key may not be used so; `null` where it may. */
export function findUseRefusal(proxy: ProxyContext, known: KnownKey, use: KeyUse): Refusal | null {
  const lacking = use.permissions.find((permission) => !isPermitted(known, permission));
  if (lacking !== undefined) {
    return makeRefusal("permission_denied", `This key lacks the permission \`${lacking}\`.`);
  }
  if (use.model !== null && !isModelListed(known, proxy.models.find(use.model)?.name ?? use.model)) {
    return makeRefusal("model_not_allowed", undefined, { param: "model" });
  }
  return findPlaceRefusal(known, use.address, findCorsOrigin(known, use.origin));
}

/**
 * Counts a use at another server in the key's limits. It is over at once for us, so it takes no place among the running
 * calls. @returns why it does not fit; `null` where it was counted.
 */
export function reserveUse(proxy: ProxyContext, known: KnownKey, amounts: RateAmounts): Refusal | null {
  if (known.limits === null) return null;
  const asked = proxy.rateLimiter.reserve(known.key.publicId, { ...known.limits, concurrentMax: null }, amounts, false);
  return asked.ok ? null : makeRateRefusal(asked);
}
