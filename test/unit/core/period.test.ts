import { describe, expect, it } from "vitest";
import { findPeriod } from "../../../server/core/period.ts";

const dayMs = 86_400_000;
const anchorMs = Date.parse("2027-01-31T13:14:15.016Z");

describe("periods of budgets", () => {
  it("Nd: N times 24 hours from the anchor, whatever the calendar does", () => {
    const terms = { period: "30d", timezone: "America/New_York", anchorMs };
    expect(findPeriod(terms, anchorMs)).toEqual({ startMs: anchorMs, endMs: anchorMs + 30 * dayMs });
    expect(findPeriod(terms, anchorMs + 30 * dayMs - 1).startMs).toBe(anchorMs);
    expect(findPeriod(terms, anchorMs + 30 * dayMs).startMs).toBe(anchorMs + 30 * dayMs);
    expect(findPeriod(terms, anchorMs + 3_000 * dayMs + 5)).toEqual({
      startMs: anchorMs + 3_000 * dayMs,
      endMs: anchorMs + 3_030 * dayMs,
    });
  });

  it("Nd: an instant before the anchor, as of a clock that is behind, is in the period before", () => {
    expect(findPeriod({ period: "1d", timezone: "UTC", anchorMs }, anchorMs - 1)).toEqual({
      startMs: anchorMs - dayMs,
      endMs: anchorMs,
    });
  });

  it("a month is the calendar's: a key made on the 31st has no period that begins on a 31st", () => {
    const at = Date.parse("2027-02-28T23:30:00Z");
    const found = findPeriod({ period: "month", timezone: "UTC", anchorMs }, at);
    expect(new Date(found.startMs).toISOString()).toBe("2027-02-01T00:00:00.000Z");
    expect(new Date(found.endMs).toISOString()).toBe("2027-03-01T00:00:00.000Z");
    // The same instant is another month further east.
    const east = findPeriod({ period: "month", timezone: "Asia/Kolkata", anchorMs }, at);
    expect(new Date(east.startMs).toISOString()).toBe("2027-02-28T18:30:00.000Z");
  });

  it("day and week are the calendar's; total never ends", () => {
    const at = Date.parse("2026-11-26T12:00:00Z");
    expect(findPeriod({ period: "day", timezone: "UTC", anchorMs }, at).endMs).toBe(Date.parse("2026-11-27"));
    expect(findPeriod({ period: "week", timezone: "UTC", anchorMs }, at).startMs).toBe(Date.parse("2026-11-23"));
    expect(findPeriod({ period: "total", timezone: "UTC", anchorMs }, at)).toEqual({ startMs: 0, endMs: Infinity });
  });

  it("what is no period is an error", () => {
    for (const period of ["0d", "d", "10000d", "hour", "year", "", "1.5d"]) {
      expect(() => findPeriod({ period, timezone: "UTC", anchorMs }, 0), period).toThrow(RangeError);
    }
  });
});
