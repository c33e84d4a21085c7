import { makeNanoCount, parseUsd } from "./money.ts";

/** What a rate limit counts. `model_inferences` and `requests` are one each; `cost` is nano-USD. */
export const rateResources = [
  "model_inferences",
  "requests",
  "tokens",
  "input_tokens",
  "output_tokens",
  "cost",
] as const;
export type RateResource = (typeof rateResources)[number];

const dayMs = 86_400_000;
/** Windows slide, so a month is thirty days. */
const windowMsOf = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: dayMs,
  week: 7 * dayMs,
  month: 30 * dayMs,
} as const;
export type RateWindow = keyof typeof windowMsOf;
export const rateWindows = Object.keys(windowMsOf) as readonly RateWindow[];

/** At most `limit` of a resource in any time of `windowMs`, or, with a refill, a token bucket. */
export interface RateLimit {
  /** As it is written: `requests_per_minute`. */
  name: string;
  resource: RateResource;
  windowMs: number;
  /** In units of the resource; of a token bucket its capacity. */
  limit: number;
  /** Of a token bucket: how much comes back, evenly, in each `windowMs`. `null`: an exact sliding window. */
  refill: number | null;
}

/** Which calls a bucket counts: those that match every field that is set. */
export interface RateScope {
  publicId?: string;
  ownerId?: string;
  model?: string;
  clientIp?: string;
  origin?: string;
  /** Key-bound tags. */
  keyTags?: Readonly<Record<string, string>>;
  /** Tags that the client sent, where a rule trusts them. */
  requestTags?: Readonly<Record<string, string>>;
}

/** One counter that a call must fit into. */
export interface RateBucket {
  /** Names the counter: the same scope and limit is the same id on every process. */
  id: string;
  limit: RateLimit;
  /** How the ledger finds what was counted before this process, or Redis, was there. */
  scope: RateScope;
}

/** Calls of one kind that may run at once. */
export interface RateSlots {
  /** Names the places, like the id of a {@link RateBucket}. */
  id: string;
  max: number;
}

/** The limits of a key, ready to be asked. */
export interface KeyLimits {
  buckets: readonly RateBucket[];
  /** One entry at the most. */
  slots: readonly RateSlots[];
}

const nameShape = new RegExp(`^(${rateResources.join("|")})_per_(${rateWindows.join("|")})$`);

/** True for the spellings that a key's `rate_limits` may have. */
export function isRateName(name: string): boolean {
  return name === "concurrent_requests" || nameShape.test(name);
}

/** Takes `RESOURCE_per_WINDOW` apart; `null` where it is none. */
export function parseRateName(name: string): { resource: RateResource; windowMs: number } | null {
  const [, resource, window] = nameShape.exec(name) ?? [];
  if (resource === undefined || window === undefined) return null;
  return { resource: resource as RateResource, windowMs: windowMsOf[window as RateWindow] };
}

/**
 * Makes the counters of a key from its `rate_limits`, whose names were checked when they were stored.
 *
 * @returns `null` where nothing is limited.
 */
export function makeKeyLimits(publicId: string, limits: Readonly<Record<string, number>>): KeyLimits | null {
  const buckets: RateBucket[] = [];
  const slots: RateSlots[] = [];
  for (const [name, amount] of Object.entries(limits)) {
    const id = `key:${publicId}:${name}`;
    if (name === "concurrent_requests") {
      slots.push({ id, max: amount });
      continue;
    }
    const parsed = parseRateName(name);
    if (parsed === null) continue;
    const limit = parsed.resource === "cost" ? makeNanoCount(parseUsd(amount) ?? 0n) : amount;
    buckets.push({ id, limit: { name, ...parsed, limit, refill: null }, scope: { publicId } });
  }
  return buckets.length === 0 && slots.length === 0 ? null : { buckets, slots };
}
