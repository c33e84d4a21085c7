import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findCalendarPeriod } from "../../../server/core/calendar.ts";
import { findPreviousRange, listBuckets } from "../../../server/core/usage-buckets.ts";

const hourMs = 3_600_000;
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const zone = fc.constantFrom(
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "America/St_Johns",
  "Africa/Casablanca",
  "America/Havana",
);
const range = fc
  .tuple(
    fc.integer({ min: Date.UTC(2025, 0, 1), max: Date.UTC(2027, 0, 1) }),
    fc.integer({ min: 1, max: 20 * 24 * hourMs }),
  )
  .map(([fromMs, lengthMs]) => ({ fromMs, toMs: fromMs + lengthMs }));

describe("listBuckets", () => {
  it.each(["hour", "day"] as const)("%s: begins where the calendar's periods of the zone do", (grain) => {
    fc.assert(
      fc.property(zone, range, (timezone, { fromMs, toMs }) => {
        const expected: number[] = [];
        for (let atMs = fromMs; atMs < toMs; ) {
          const period = findCalendarPeriod(grain, timezone, atMs);
          expected.push(period.startMs);
          atMs = period.endMs;
        }
        expect(listBuckets(grain, timezone, fromMs, toMs, 10_000)).toEqual(expected);
      }),
      { seed, numRuns: 1_500 },
    );
  });

  it("is bounded, one bucket without a grain, and cuts minutes at full minutes", () => {
    const at = Date.UTC(2026, 0, 1, 0, 0, 30);
    expect(listBuckets(null, "UTC", at, at + 1, 1)).toEqual([at]);
    expect(listBuckets("minute", "UTC", at, at + 60_000, 10)).toEqual([at - 30_000, at + 30_000]);
    expect(listBuckets("hour", "UTC", 0, 11 * hourMs, 10)).toBeNull();
    expect(listBuckets("hour", "UTC", 0, 1e15, 10)).toBeNull();
    expect(listBuckets("hour", "UTC", 0, 10 * hourMs, 10)).toHaveLength(10);
  });
});

describe("findPreviousRange", () => {
  it("is as long as the range, in days where it begins and ends with days", () => {
    // The clocks of Berlin go back on 2026-10-25: that week has 169 hours, the one before it 168.
    const monday = Date.UTC(2026, 9, 18, 22);
    const next = Date.UTC(2026, 9, 25, 23);
    expect(findPreviousRange("Europe/Berlin", monday, next)).toEqual({ fromMs: monday - 168 * hourMs, toMs: monday });
    expect(findPreviousRange("UTC", monday, next)).toEqual({ fromMs: monday - 169 * hourMs, toMs: monday });
  });
});
