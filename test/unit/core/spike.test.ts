import { describe, expect, test } from "vitest";
import { findSpikeLimit, listSimilarHours } from "../../../server/core/spike.ts";

const hourMs = 3_600_000;

describe("findSpikeLimit", () => {
  test("is the median and so many scaled deviations above it", () => {
    // Median 10, deviations 2 1 0 1 2: their median 1, scaled 1.4826, cut to 1; a tenth of the median is 1 as well.
    expect(findSpikeLimit([8n, 9n, 10n, 11n, 12n], 6)).toEqual({ usual: 10n, limit: 16n });
    expect(findSpikeLimit([800n, 900n, 1_000n, 1_100n, 1_200n], 3)).toEqual({ usual: 1_000n, limit: 1_444n });
  });

  test("is moved by one odd hour in the past neither up nor down", () => {
    const calm = findSpikeLimit([100n, 110n, 90n, 105n, 95n, 100n, 102n, 98n], 6);
    const odd = findSpikeLimit([100n, 110n, 90n, 105n, 95n, 100n, 102n, 1_000_000n], 6);
    expect(Number(odd?.limit) / Number(calm?.limit)).toBeLessThan(1.2);
    expect(odd?.limit).toBeLessThan(200n);
  });

  test("of a key that is always the same leaves a tenth of it for each deviation", () => {
    expect(findSpikeLimit([1_000n, 1_000n, 1_000n, 1_000n], 5)).toEqual({ usual: 1_000n, limit: 1_500n });
    expect(findSpikeLimit([0n, 0n, 0n, 0n], 5)).toEqual({ usual: 0n, limit: 0n });
  });

  test("does not exist for fewer than four hours, and is exact for sums beyond what a float holds", () => {
    expect(findSpikeLimit([1n, 2n, 3n], 6)).toBeNull();
    const large = 9_007_199_254_740_993n;
    expect(findSpikeLimit([large, large, large, large], 10)?.usual).toBe(large);
  });
});

describe("listSimilarHours", () => {
  const hour = Date.parse("2026-11-02T12:00:00Z");
  test("is the same hour of the week in eight weeks", () => {
    const hours = listSimilarHours(hour, 0);
    expect(hours).toHaveLength(8);
    expect(hours.map((ms) => new Date(ms).getUTCDay())).toEqual(Array(8).fill(1));
    expect(new Set(hours.map((ms) => new Date(ms).getUTCHours()))).toEqual(new Set([12]));
  });

  test("is the same hour of the day for a key that is younger than four weeks, and nothing before it was made", () => {
    const madeMs = hour - 10.5 * 24 * hourMs;
    const hours = listSimilarHours(hour, madeMs);
    expect(hours).toHaveLength(10);
    expect(Math.min(...hours)).toBeGreaterThanOrEqual(madeMs);
    expect(listSimilarHours(hour, hour - hourMs)).toEqual([]);
  });
});
