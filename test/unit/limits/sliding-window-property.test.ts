import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SlidingWindow } from "../../../server/limits/sliding-window.ts";

const windowMs = 60_000;
const requests = (limit: number) => ({
  name: "requests_per_minute",
  resource: "requests" as const,
  windowMs,
  limit,
  refill: null,
});

interface Use {
  atMs: number;
  amount: number;
}

/** What an exact log says was used in the window that ends at `nowMs`. */
const sumOf = (uses: readonly Use[], nowMs: number) =>
  uses.filter(({ atMs }) => atMs > nowMs - windowMs && atMs <= nowMs).reduce((sum, { amount }) => sum + amount, 0);

/** Offers calls and lets the window decide; also asks an exact log that admits by itself. */
function offer(limit: number, steps: readonly { afterMs: number; amount: number }[]) {
  const window = new SlidingWindow(windowMs);
  const admitted: Use[] = [];
  let nowMs = 1_000_000;
  let waits = 0;
  /** Room that an exact log has after each wait; below 0, the wait was too short. */
  const earliest: number[] = [];
  for (const { afterMs, amount } of steps) {
    nowMs += afterMs;
    const waitMs = window.waitMs(nowMs, amount, requests(limit));
    if (waitMs > 0) {
      waits++;
      if (waitMs !== Number.POSITIVE_INFINITY) earliest.push(limit - amount - sumOf(admitted, nowMs + waitMs));
      continue;
    }
    window.add(nowMs, amount);
    admitted.push({ atMs: nowMs, amount });
  }
  return { admitted, waits, roomMin: Math.min(0, ...earliest) };
}

describe("SlidingWindow", () => {
  it("never tells a longer wait than its length, to a call that came before the last one was counted", () => {
    const window = new SlidingWindow(windowMs);
    window.add(1_000_000, 1);
    expect(window.resetMs(999_950)).toBe(windowMs);
    expect(window.waitMs(999_950, 1, requests(1))).toBe(windowMs);
  });

  it("lets no more than the limit into any window, whatever the times", () => {
    let checked = 0;
    let waits = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.record({ afterMs: fc.nat({ max: 4_000 }), amount: fc.integer({ min: 1, max: 7 }) }), {
          minLength: 20,
          maxLength: 300,
        }),
        (limit, steps) => {
          const { admitted, waits: waited, roomMin } = offer(limit, steps);
          expect(roomMin).toBe(0);
          waits += waited;
          for (const { atMs } of admitted) {
            checked++;
            expect(sumOf(admitted, atMs)).toBeLessThanOrEqual(limit);
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(checked).toBeGreaterThan(1_000);
    expect(waits).toBeGreaterThan(1_000);
  });

  it("counts a correction at the time of the use, and none for a use that is out", () => {
    const window = new SlidingWindow(windowMs);
    window.add(0, 100);
    window.add(30_000, 50);
    window.change(31_000, 0, -90);
    expect(window.remaining(31_000, requests(1_000))).toBe(940);
    expect(window.remaining(60_000, requests(1_000))).toBe(950);
    window.change(60_001, 0, 1_000);
    expect(window.remaining(60_001, requests(1_000))).toBe(950);
    expect(window.remaining(90_000, requests(1_000))).toBe(1000);
  });

  it("counts what it is seeded with until it is out", () => {
    const window = new SlidingWindow(windowMs);
    window.seed(100_000, [
      { firstAgeMs: 50_000, lastAgeMs: 49_900, amount: 3 },
      { firstAgeMs: 10_000, lastAgeMs: 10_000, amount: 2 },
    ]);
    expect(window.remaining(100_000, requests(5))).toBe(0);
    expect(window.waitMs(100_000, 1, requests(5))).toBe(10_100);
    expect(window.remaining(110_099, requests(5))).toBe(0);
    expect(window.remaining(110_100, requests(5))).toBe(3);
  });

  it("never fits what is larger than the limit", () => {
    expect(new SlidingWindow(windowMs).waitMs(0, 11, requests(10))).toBe(Number.POSITIVE_INFINITY);
  });

  it("trips where a window forgets too early (planted)", () => {
    const window = new SlidingWindow(windowMs * 0.9);
    const admitted: Use[] = [];
    for (let nowMs = 0; nowMs < 4 * windowMs; nowMs += 500) {
      if (window.waitMs(nowMs, 1, requests(20)) > 0) continue;
      window.add(nowMs, 1);
      admitted.push({ atMs: nowMs, amount: 1 });
    }
    expect(Math.max(...admitted.map(({ atMs }) => sumOf(admitted, atMs)))).toBeGreaterThan(20);
  });
});
