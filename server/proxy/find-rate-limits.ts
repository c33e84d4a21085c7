import type { RateBucket, RateSlots } from "../core/rate-limit.ts";
import type { KnownKey } from "../keys/known-key.ts";
import type { ProxyContext } from "./context.ts";

/** What a call is counted in. */
export interface RateLimits {
  buckets: readonly RateBucket[];
  slots: readonly RateSlots[];
}

/** What of a call the rules look at. */
export interface RatedCall {
  model: string;
  clientIp: string;
  origin: string | undefined;
  /** JSON of the tags that the client sent, without those that the key binds; `""`: none. */
  requestTags: string;
}

const noTags: Readonly<Record<string, string>> = {};
const noSlots: readonly RateSlots[] = [];

/** The limits of the key itself and of the rules that match the call; `null` where nothing limits it. */
export function findRateLimits(proxy: ProxyContext, known: KnownKey, call: RatedCall): RateLimits | null {
  const { limits } = known;
  const trusted = call.requestTags !== "" && proxy.config.rateLimiting.trustRequestTags;
  const ruled = proxy.rules.findBuckets({
    key: known.key,
    model: call.model,
    clientIp: call.clientIp,
    origin: call.origin ?? null,
    requestTags: trusted ? (JSON.parse(call.requestTags) as Record<string, string>) : noTags,
  });
  if (ruled.length === 0) return limits;
  if (limits === null) return { buckets: ruled, slots: noSlots };
  return { buckets: [...limits.buckets, ...ruled], slots: limits.slots };
}
