import { makeRefusal, type Refusal } from "../core/error.ts";
import type { KnownKey } from "../keys/known-key.ts";
import type { RateAmounts, RateState } from "../limits/rate-windows.ts";
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

/** What came of counting a use. */
export interface CountedUse {
  /** Why it does not fit; `null` where it was counted. */
  refusal: Refusal | null;
  /** The limits as they stand after it. */
  states: readonly RateState[];
}

/**
 * Counts a use at another server in the key's limits. It is over at once for us, so it takes no place among the running
 * calls, and it is not in the ledger: it counts for as long as the counters are kept.
 *
 * @param refusal why the key may not be used at all: then nothing is counted.
 */
export async function reserveUse(
  proxy: ProxyContext,
  known: KnownKey,
  amounts: RateAmounts,
  refusal: Refusal | null,
): Promise<CountedUse> {
  if (known.limits === null) return { refusal, states: [] };
  const { buckets } = known.limits;
  if (refusal !== null) return { refusal, states: await proxy.rateWindows.list(buckets) };
  const asked = await proxy.rateWindows.reserve(buckets, [], amounts, false);
  if (!asked.ok) return { refusal: makeRateRefusal(asked), states: asked.states };
  asked.settle(amounts);
  return { refusal: null, states: asked.states };
}
