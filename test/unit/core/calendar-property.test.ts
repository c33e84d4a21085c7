import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CalendarUnit, calendarUnits, findCalendarPeriod, type Period } from "../../../server/core/calendar.ts";
import { findOffsetTable, findPeriodByTable } from "../../support/period-oracle.ts";

/** BARS.md F7. Property: in each zone the periods of each unit tile time, and a second implementation finds the same. */
const runs = process.env.TEST_TIER === "full" ? 1_000_000 : 20_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const zones = [...Intl.supportedValuesOf("timeZone"), "UTC", "Asia/Calcutta", "US/Eastern", "Etc/GMT+12"];

type Find = (unit: CalendarUnit, timezone: string, atMs: number) => Period;

/** Any instant from 1970 to 2100, half of them within two days of a change of the zone's offset. */
const probe = fc
  .record({
    zone: fc.constantFrom(...zones),
    unit: fc.constantFrom(...calendarUnits),
    anyMs: fc.integer({ min: 0, max: Date.UTC(2100, 11, 31) }),
    change: fc.option(fc.nat(), { nil: null }),
    besideMs: fc.oneof(
      fc.integer({ min: -2 * dayMs, max: 2 * dayMs }),
      fc.constantFrom(-1, 0, 1, -hourMs, hourMs - 1, hourMs),
    ),
  })
  .map(({ zone, unit, anyMs, change, besideMs }) => {
    if (change === null) return { zone, unit, atMs: anyMs };
    const table = findOffsetTable(zone);
    const fromMs = table[change % table.length]?.fromMs ?? 0;
    return { zone, unit, atMs: fromMs > dayMs ? fromMs + besideMs : anyMs };
  });

/** What is wrong with the periods around an instant; `null`: nothing. */
function findFault(find: Find, { zone, unit, atMs }: { zone: string; unit: CalendarUnit; atMs: number }) {
  const { startMs, endMs } = find(unit, zone, atMs);
  if (!(startMs <= atMs && atMs < endMs)) return "does not hold its instant";
  if (find(unit, zone, endMs).startMs !== endMs) return "gap or overlap after it";
  if (find(unit, zone, startMs - 1).endMs !== startMs) return "gap or overlap before it";
  const other = findPeriodByTable(unit, zone, atMs);
  if (other.startMs !== startMs || other.endMs !== endMs) return "the second implementation differs";
  return null;
}

/** How far a zone's clocks moved within a period, and at its two ends, where they can move it or its neighbour. */
function findMovesMs(zone: string, { startMs, endMs }: Period): { inner: number; first: number; last: number } {
  const moves = { inner: 0, first: 0, last: 0 };
  findOffsetTable(zone).forEach(({ fromMs, offsetMs }, index, table) => {
    const move = offsetMs - (table[index - 1]?.offsetMs ?? offsetMs);
    if (fromMs === startMs) moves.first = move;
    else if (fromMs === endMs) moves.last = move;
    else if (fromMs > startMs && fromMs < endMs) moves.inner += move;
  });
  return moves;
}

describe("calendar periods, all zones", () => {
  it(`tile time and are those of a second implementation: ${runs} instants`, { timeout: 900_000 }, () => {
    fc.assert(
      fc.property(probe, (one) => {
        const fault = findFault(findCalendarPeriod, one);
        if (fault !== null) throw new Error(`${one.unit} ${one.zone} ${new Date(one.atMs).toISOString()}: ${fault}`);
      }),
      { numRuns: runs },
    );
    expect(zones.length).toBeGreaterThan(400);
  });

  it("a local day has 24 hours, less exactly what its zone's clocks moved", () => {
    fc.assert(
      fc.property(probe, ({ zone, atMs }) => {
        const period = findCalendarPeriod("day", zone, atMs);
        const { inner, first, last } = findMovesMs(zone, period);
        const lengthMs = period.endMs - period.startMs + inner;
        const sums = [lengthMs, lengthMs + first, lengthMs + last, lengthMs + first + last];
        expect(sums, `${zone} ${new Date(atMs).toISOString()}`).toContain(dayMs);
      }),
      { numRuns: Math.ceil(runs / 10) },
    );
  });

  const planted: [name: string, find: Find][] = [
    [
      "a day is always 24 hours",
      (unit, zone, atMs) => {
        const found = findCalendarPeriod(unit, zone, atMs);
        return unit === "day" ? { ...found, endMs: found.startMs + dayMs } : found;
      },
    ],
    [
      "the offset of now holds for the whole period",
      (unit, zone, atMs) => {
        const offsetMs = findOffsetTable(zone).findLast(({ fromMs }) => fromMs <= atMs)?.offsetMs ?? 0;
        const { startMs, endMs } = findCalendarPeriod(unit, "UTC", atMs + offsetMs);
        return { startMs: startMs - offsetMs, endMs: endMs - offsetMs };
      },
    ],
    ["zones are forgotten", (unit, _zone, atMs) => findCalendarPeriod(unit, "UTC", atMs)],
    [
      "weeks begin on Sunday",
      (unit, zone, atMs) => {
        if (unit !== "week") return findCalendarPeriod(unit, zone, atMs);
        const { startMs, endMs } = findCalendarPeriod(unit, zone, atMs + dayMs);
        return { startMs: startMs - dayMs, endMs: endMs - dayMs };
      },
    ],
    [
      "the last millisecond belongs to the next period",
      (unit, zone, atMs) => findCalendarPeriod(unit, zone, findCalendarPeriod(unit, zone, atMs + 1).startMs),
    ],
  ];
  it.each(planted)("planted fault: %s", (_name, find) => {
    const found = fc.check(
      fc.property(probe, (one) => findFault(find, one) === null),
      { numRuns: 2_000, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});
