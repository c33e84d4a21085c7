import { describe, expect, it } from "vitest";
import { type CalendarUnit, findCalendarPeriod } from "../../../server/core/calendar.ts";

const hourMs = 3_600_000;

function periodOf(unit: CalendarUnit, timezone: string, at: string): [start: string, end: string, hours: number] {
  const { startMs, endMs } = findCalendarPeriod(unit, timezone, Date.parse(at));
  const write = (ms: number) => new Date(ms).toISOString().replace(":00.000Z", "Z");
  return [write(startMs), write(endMs), (endMs - startMs) / hourMs];
}

describe("calendar periods", () => {
  it("in UTC: the hour, the day, the week from Monday, the month", () => {
    const at = "2026-11-26T10:20:30.400Z";
    expect(periodOf("hour", "UTC", at)).toEqual(["2026-11-26T10:00Z", "2026-11-26T11:00Z", 1]);
    expect(periodOf("day", "UTC", at)).toEqual(["2026-11-26T00:00Z", "2026-11-27T00:00Z", 24]);
    expect(periodOf("week", "UTC", at)).toEqual(["2026-11-23T00:00Z", "2026-11-30T00:00Z", 168]);
    expect(periodOf("month", "UTC", at)).toEqual(["2026-11-01T00:00Z", "2026-12-01T00:00Z", 720]);
  });

  it("a period begins with its first millisecond and ends before the next one's", () => {
    expect(periodOf("week", "UTC", "2026-11-23T00:00:00.000Z")[0]).toBe("2026-11-23T00:00Z");
    expect(periodOf("week", "UTC", "2026-11-22T23:59:59.999Z")[1]).toBe("2026-11-23T00:00Z");
    expect(periodOf("month", "UTC", "2027-01-01T00:00:00.000Z")[0]).toBe("2027-01-01T00:00Z");
    expect(periodOf("month", "UTC", "2026-12-31T23:59:59.999Z")[1]).toBe("2027-01-01T00:00Z");
  });

  it("29 February is in a month of its own length", () => {
    expect(periodOf("month", "UTC", "2028-02-29T12:00:00Z")).toEqual(["2028-02-01T00:00Z", "2028-03-01T00:00Z", 696]);
    expect(periodOf("month", "UTC", "2100-02-28T12:00:00Z")[2]).toBe(672);
    expect(periodOf("day", "UTC", "2028-02-29T12:00:00Z")).toEqual(["2028-02-29T00:00Z", "2028-03-01T00:00Z", 24]);
  });

  it("a month is local: New York's November has an hour more than thirty days", () => {
    expect(periodOf("month", "America/New_York", "2026-11-26T00:00:00Z")).toEqual([
      "2026-11-01T04:00Z",
      "2026-12-01T05:00Z",
      721,
    ]);
  });

  it("a midnight that does not exist: Sao Paulo, 2018-11-04, begins at 01:00", () => {
    expect(periodOf("day", "America/Sao_Paulo", "2018-11-04T12:00:00Z")).toEqual([
      "2018-11-04T03:00Z",
      "2018-11-05T02:00Z",
      23,
    ]);
    expect(periodOf("day", "America/Sao_Paulo", "2018-11-04T02:59:59Z")[1]).toBe("2018-11-04T03:00Z");
  });

  it("clocks that go back at midnight do not begin the day twice: Sao Paulo, 2018-02-17, has 25 hours", () => {
    expect(periodOf("day", "America/Sao_Paulo", "2018-02-18T02:30:00Z")).toEqual([
      "2018-02-17T02:00Z",
      "2018-02-18T03:00Z",
      25,
    ]);
  });

  it("clocks that go back over midnight, from 00:01 to 23:01, neither: St. John's, 2010-11-07", () => {
    for (const at of ["2010-11-07T02:30:30Z", "2010-11-07T02:31:00Z", "2010-11-07T03:29:00Z", "2010-11-07T03:31:00Z"]) {
      expect(periodOf("day", "America/St_Johns", at)).toEqual(["2010-11-07T02:30Z", "2010-11-08T03:30Z", 25]);
    }
    expect(periodOf("day", "America/St_Johns", "2010-11-07T02:29:59Z")[1]).toBe("2010-11-07T02:30Z");
  });

  it("half an hour: Lord Howe", () => {
    expect(periodOf("day", "Australia/Lord_Howe", "2026-10-04T00:00:00Z")[2]).toBe(23.5);
    expect(periodOf("day", "Australia/Lord_Howe", "2026-04-05T00:00:00Z")[2]).toBe(24.5);
    // 02:00 becomes 02:30: the hour from 02:00 has half of itself.
    expect(periodOf("hour", "Australia/Lord_Howe", "2026-10-03T15:40:00Z")).toEqual([
      "2026-10-03T15:30Z",
      "2026-10-03T16:00Z",
      0.5,
    ]);
  });

  it("two hours: Troll", () => {
    expect(periodOf("day", "Antarctica/Troll", "2026-03-29T12:00:00Z")[2]).toBe(22);
    expect(periodOf("day", "Antarctica/Troll", "2026-10-25T12:00:00Z")[2]).toBe(26);
  });

  it("a day that is skipped has no period: Apia, 2011-12-30", () => {
    expect(periodOf("day", "Pacific/Apia", "2011-12-30T09:59:59Z")).toEqual([
      "2011-12-29T10:00Z",
      "2011-12-30T10:00Z",
      24,
    ]);
    expect(periodOf("day", "Pacific/Apia", "2011-12-30T10:00:00Z")).toEqual([
      "2011-12-30T10:00Z",
      "2011-12-31T10:00Z",
      24,
    ]);
    expect(periodOf("month", "Pacific/Apia", "2011-12-30T10:00:00Z")[2]).toBe(30 * 24);
  });

  it("an hour that is repeated is two: Berlin, 2026-10-25", () => {
    expect(periodOf("hour", "Europe/Berlin", "2026-10-25T00:30:00Z")[0]).toBe("2026-10-25T00:00Z");
    expect(periodOf("hour", "Europe/Berlin", "2026-10-25T01:30:00Z")[0]).toBe("2026-10-25T01:00Z");
  });

  it("an hour ends where the offset changes: St. John's goes back at 00:01", () => {
    expect(periodOf("hour", "America/St_Johns", "2010-11-07T02:30:30Z")[1]).toBe("2010-11-07T02:31Z");
    expect(periodOf("hour", "America/St_Johns", "2010-11-07T02:45:00Z")).toEqual([
      "2010-11-07T02:31Z",
      "2010-11-07T03:30Z",
      59 / 60,
    ]);
  });

  it("an offset of minutes and seconds: Monrovia until 1972", () => {
    const { startMs, endMs } = findCalendarPeriod("day", "Africa/Monrovia", Date.parse("1971-05-05T12:00:00Z"));
    expect([new Date(startMs).toISOString(), endMs - startMs]).toEqual(["1971-05-05T00:44:30.000Z", 24 * hourMs]);
  });

  it("a zone that nobody has is an error", () => {
    expect(() => findCalendarPeriod("day", "Mars/Olympus", 0)).toThrow(RangeError);
  });
});
