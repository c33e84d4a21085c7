import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinSpans, makeUsagePlan, type UsagePlanInput } from "../../../server/core/usage-plan.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const start = Date.UTC(2026, 2, 1);
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** Instants that often lie on hours and days. */
const instant = fc.oneof(
  fc.nat(12).map((days) => start + days * dayMs),
  fc.nat(12 * 24).map((hours) => start + hours * hourMs),
  fc.nat(12 * dayMs).map((ms) => start + ms),
);
const input = fc.record({
  ends: fc.tuple(instant, instant).filter(([a, b]) => a !== b),
  cuts: fc.array(instant, { maxLength: 20 }),
  rawSinceDay: fc.nat(14),
  hoursSinceDay: fc.nat(5),
  staleDays: fc.array(fc.nat(12), { maxLength: 4 }),
});

function plan({
  ends,
  cuts,
  rawSinceDay,
  hoursSinceDay,
  staleDays,
}: typeof input extends fc.Arbitrary<infer T> ? T : never) {
  const given: UsagePlanInput = {
    fromMs: Math.min(...ends),
    toMs: Math.max(...ends),
    cuts: [...cuts].sort((a, b) => a - b),
    rawSinceMs: start + rawSinceDay * dayMs,
    hoursSinceMs: start + hoursSinceDay * dayMs,
    rawOnly: false,
    isDayReady: (day) => !staleDays.includes(day - start / dayMs),
  };
  return { given, ...makeUsagePlan(given) };
}

describe("makeUsagePlan", () => {
  it("tiles the range; days and hours lie in one bucket, raw is read of torn hours only", () => {
    let days = 0;
    let raws = 0;
    fc.assert(
      fc.property(input, (random) => {
        const { given, spans, isExact } = plan(random);
        const inner = [given.fromMs, given.toMs, ...given.cuts];
        const isTorn = (hour: number) => inner.some((at) => at > hour && at < hour + hourMs);
        expect(spans[0]?.fromMs).toBe(given.fromMs);
        expect(spans.at(-1)?.toMs).toBe(given.toMs);
        const faults = spans.flatMap((span, index) => {
          const found =
            span.fromMs < span.toMs && (index === 0 || span.fromMs === spans[index - 1]?.toMs) ? [] : ["gap"];
          if (span.source === "raw") raws++;
          if (span.source === "day") days++;
          const isTrusted = isExact || span.fromMs >= given.hoursSinceMs;
          if (span.source === "day" && isTrusted && (span.fromMs % dayMs !== 0 || span.toMs % dayMs !== 0)) {
            found.push("day ends");
          }
          for (let day = span.fromMs; span.source === "day" && isTrusted && day < span.toMs; day += dayMs) {
            if (inner.some((at) => at > day && at < day + dayMs)) found.push("torn day");
            if (!given.isDayReady(day / dayMs) && day >= given.hoursSinceMs) found.push("stale day");
          }
          for (let hour = Math.floor(span.fromMs / hourMs) * hourMs; hour < span.toMs; hour += hourMs) {
            if (span.source !== "day" && hour + hourMs <= given.hoursSinceMs) found.push("no hours");
            if (span.source === "raw" && (!isTorn(hour) || hour + hourMs <= given.rawSinceMs))
              found.push("raw for nothing");
            if (span.source === "hour" && isTorn(hour) && (isExact || hour >= given.rawSinceMs))
              found.push("torn hour");
          }
          return found;
        });
        expect(faults).toEqual([]);
        const lost = inner
          .filter((at) => at >= given.fromMs && at <= given.toMs)
          .filter(
            (at) => (at % hourMs !== 0 && at < given.rawSinceMs) || (at % dayMs !== 0 && at < given.hoursSinceMs),
          );
        expect(isExact).toBe(lost.length === 0);
      }),
      { seed, numRuns: 20_000 },
    );
    expect(days).toBeGreaterThan(0);
    expect(raws).toBeGreaterThan(0);
  });

  it("reads a clean month by days alone, and what needs raw events from them alone", () => {
    const month = {
      fromMs: start,
      toMs: start + 31 * dayMs,
      cuts: [start],
      rawSinceMs: start,
      hoursSinceMs: 0,
      isDayReady: () => true,
    };
    expect(makeUsagePlan({ ...month, rawOnly: false }).spans).toEqual([
      { source: "day", fromMs: start, toMs: start + 31 * dayMs },
    ]);
    expect(makeUsagePlan({ ...month, rawOnly: true }).spans.map(({ source }) => source)).toEqual(["raw"]);
    expect(makeUsagePlan({ ...month, rawOnly: true, rawSinceMs: start + 1 }).isExact).toBe(false);
  });
});

describe("joinSpans", () => {
  it("covers what was given, in order, apart, in no more pieces than allowed", () => {
    const span = fc.tuple(fc.nat(1_000), fc.integer({ min: 1, max: 60 })).map(([a, b]) => ({ fromMs: a, toMs: a + b }));
    fc.assert(
      fc.property(fc.array(span, { maxLength: 30 }), fc.integer({ min: 1, max: 8 }), (spans, countMax) => {
        const joined = joinSpans(spans, countMax);
        expect(joined.length).toBeLessThanOrEqual(countMax);
        for (const { fromMs, toMs } of spans) {
          expect(joined.some((whole) => whole.fromMs <= fromMs && whole.toMs >= toMs)).toBe(true);
        }
        expect(joined.slice(1).every(({ fromMs }, index) => fromMs > (joined[index]?.toMs as number))).toBe(true);
        const loose = joinSpans(spans, 1_000);
        expect(loose.length > countMax || loose.length === joined.length).toBe(true);
      }),
      { seed, numRuns: 5_000 },
    );
  });
});
