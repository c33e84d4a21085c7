import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RateLimit } from "../../../server/core/rate-limit.ts";
import { TokenBucket } from "../../../server/limits/token-bucket.ts";

const makeLimit = (limit: number, refill: number): RateLimit => ({
  name: "tokens_per_minute",
  resource: "tokens",
  windowMs: 60_000,
  limit,
  refill,
});

interface Use {
  atMs: number;
  amount: number;
}

/** The most that any stretch of time let through beyond `capacity + rate * time`; at most 0 where the bucket is right. */
function findExcess(uses: readonly Use[], limit: RateLimit): number {
  const perMs = (limit.refill ?? 0) / limit.windowMs;
  let worst = Number.NEGATIVE_INFINITY;
  for (let from = 0; from < uses.length; from++) {
    let sum = 0;
    for (let to = from; to < uses.length; to++) {
      const [first, last] = [uses[from] as Use, uses[to] as Use];
      sum += last.amount;
      worst = Math.max(worst, sum - limit.limit - perMs * (last.atMs - first.atMs));
    }
  }
  return worst;
}

const steps = fc.array(fc.record({ afterMs: fc.nat({ max: 5_000 }), amount: fc.integer({ min: 1, max: 40 }) }), {
  minLength: 10,
  maxLength: 80,
});

describe("TokenBucket", () => {
  it("lets no stretch of time have more than its capacity and what came back meanwhile, and its waits are right", () => {
    let refused = 0;
    let tooShort = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 40, max: 200 }),
        fc.integer({ min: 1, max: 2_000 }),
        steps,
        (capacity, refill, list) => {
          const limit = makeLimit(capacity, refill);
          const bucket = new TokenBucket(limit, 0);
          const uses: Use[] = [];
          let nowMs = 0;
          for (const { afterMs, amount } of list) {
            nowMs += afterMs;
            const waitMs = bucket.waitMs(nowMs, amount, limit);
            if (waitMs > 0) {
              refused++;
              nowMs += waitMs;
              if (bucket.waitMs(nowMs + 0.001, amount, limit) > 0) tooShort++;
              nowMs += 0.001;
            }
            bucket.add(nowMs, amount, limit);
            uses.push({ atMs: nowMs, amount });
          }
          expect(findExcess(uses, limit)).toBeLessThan(1e-3);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(refused).toBeGreaterThan(10);
    expect(tooShort).toBe(0);
  });

  it("is never fuller than it was when it is seeded from what was used", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 40, max: 200 }),
        fc.integer({ min: 1, max: 2_000 }),
        steps,
        (capacity, refill, list) => {
          const limit = makeLimit(capacity, refill);
          const bucket = new TokenBucket(limit, 0);
          const uses: Use[] = [];
          let nowMs = 0;
          for (const { afterMs, amount } of list) {
            nowMs += afterMs;
            const waitMs = bucket.waitMs(nowMs, amount, limit);
            if (waitMs > 0) nowMs += waitMs + 0.001;
            bucket.add(nowMs, amount, limit);
            uses.push({ atMs: nowMs, amount });
          }
          const lookBackMs = ((2 * capacity) / refill) * limit.windowMs;
          const seeded = new TokenBucket(limit, nowMs);
          const inTime = uses.filter(({ atMs }) => atMs > nowMs - lookBackMs);
          seeded.seed(
            nowMs,
            inTime.map(({ atMs, amount }) => ({ firstAgeMs: nowMs - atMs, lastAgeMs: nowMs - atMs, amount })),
            limit,
          );
          expect(seeded.remaining(nowMs, limit)).toBeLessThanOrEqual(bucket.remaining(nowMs, limit) + 1e-6);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("catches a bucket that refills in steps of a whole window (planted)", () => {
    const limit = makeLimit(100, 100);
    const uses: Use[] = [];
    let left = 100;
    let window = 0;
    for (let atMs = 0; atMs < 200_000; atMs += 500) {
      if (Math.floor(atMs / limit.windowMs) > window) {
        window = Math.floor(atMs / limit.windowMs);
        left = 100;
      }
      if (atMs % limit.windowMs < 55_000 && uses.length === 0) continue;
      if (left < 10) continue;
      left -= 10;
      uses.push({ atMs, amount: 10 });
    }
    expect(findExcess(uses, limit)).toBeGreaterThan(50);
  });
});
