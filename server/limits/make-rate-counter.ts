import type { RateLimit } from "../core/rate-limit.ts";
import type { RateCounter } from "./rate-counter.ts";
import { SlidingWindow } from "./sliding-window.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Makes the counter of a limit, in which nothing was counted yet. */
export function makeRateCounter(limit: RateLimit, nowMs: number): RateCounter {
  return limit.refill === null ? new SlidingWindow(limit.windowMs) : new TokenBucket(limit, nowMs);
}
