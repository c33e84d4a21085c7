import type { RateLimit } from "../core/rate-limit.ts";
import type { SeedStep } from "./rate-windows.ts";

/**
 * What one bucket counts, in memory. Times are monotonic milliseconds. The limit comes with each call, because it may be
 * changed while the counter goes on.
 */
export interface RateCounter {
  /** What is left now; below 0 where more was used than there was. */
  remaining(nowMs: number, limit: RateLimit): number;
  /** Milliseconds until `amount` more fits, with nothing else used meanwhile; 0: now; Infinity: never. */
  waitMs(nowMs: number, amount: number, limit: RateLimit): number;
  add(nowMs: number, amount: number, limit: RateLimit): void;
  /** Corrects what was counted at `atMs` by `delta`, once it is known what it came to. */
  change(nowMs: number, atMs: number, delta: number, limit: RateLimit): void;
  /** Milliseconds until the whole limit is free. */
  resetMs(nowMs: number, limit: RateLimit): number;
  /** Fills a counter that counted nothing yet with what was used before, oldest first, as far back as {@link findLookBackMs}. */
  seed(nowMs: number, steps: readonly SeedStep[], limit: RateLimit): void;
}

const lookBackMaxMs = 31 * 86_400_000;

/**
 * How far back uses can matter. Of a token bucket: twice the time in which it fills up, because its level at the beginning
 * is not known and is taken as 0; after that time it hardly matters.
 */
export function findLookBackMs({ limit, refill, windowMs }: RateLimit): number {
  if (refill === null) return windowMs;
  return refill <= 0 ? lookBackMaxMs : Math.min(lookBackMaxMs, ((2 * limit) / refill) * windowMs);
}
