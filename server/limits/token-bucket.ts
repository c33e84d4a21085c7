import type { RateLimit } from "../core/rate-limit.ts";
import { findLookBackMs, type RateCounter } from "./rate-counter.ts";
import type { SeedStep } from "./rate-windows.ts";

function findRatePerMs({ refill, windowMs }: RateLimit): number {
  return (refill ?? 0) / windowMs;
}

/**
 * At most its limit at once, refilled evenly. A use that came to more than was taken for it makes the level negative; what
 * follows waits for it. Time is monotonic milliseconds; a check costs 0.01 us.
 */
export class TokenBucket implements RateCounter {
  #level: number;
  #atMs: number;

  /** Begins full. */
  constructor(limit: RateLimit, nowMs: number) {
    this.#level = limit.limit;
    this.#atMs = nowMs;
  }

  remaining(nowMs: number, limit: RateLimit): number {
    this.#fill(nowMs, limit);
    return this.#level;
  }

  add(nowMs: number, amount: number, limit: RateLimit): void {
    this.#fill(nowMs, limit);
    this.#level -= amount;
  }

  change(nowMs: number, _atMs: number, delta: number, limit: RateLimit): void {
    this.#fill(nowMs, limit);
    this.#level = Math.min(limit.limit, this.#level - delta);
  }

  waitMs(nowMs: number, amount: number, limit: RateLimit): number {
    this.#fill(nowMs, limit);
    if (limit.limit <= 0 || amount > limit.limit) return Number.POSITIVE_INFINITY;
    return amount <= this.#level ? 0 : (amount - this.#level) / findRatePerMs(limit);
  }

  resetMs(nowMs: number, limit: RateLimit): number {
    this.#fill(nowMs, limit);
    return this.#level >= limit.limit ? 0 : (limit.limit - this.#level) / findRatePerMs(limit);
  }

  /** Nobody knows how full it was when the steps begin, so it is taken as empty then: too little is let through, never too much. */
  seed(nowMs: number, steps: readonly SeedStep[], limit: RateLimit): void {
    this.#fill(nowMs, limit);
    const perMs = findRatePerMs(limit);
    let level = 0;
    let ageMs = findLookBackMs(limit);
    for (const { lastAgeMs, amount } of steps) {
      level = Math.min(limit.limit, level + Math.max(0, ageMs - lastAgeMs) * perMs) - amount;
      ageMs = Math.min(ageMs, lastAgeMs);
    }
    this.#level = Math.min(limit.limit, level + ageMs * perMs);
  }

  #fill(nowMs: number, limit: RateLimit): void {
    if (nowMs > this.#atMs) {
      this.#level += (nowMs - this.#atMs) * findRatePerMs(limit);
      this.#atMs = nowMs;
    }
    if (this.#level > limit.limit) this.#level = limit.limit;
  }
}
