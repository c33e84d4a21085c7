/** Units of local time. Weeks are those of ISO 8601 and begin on Monday. */
export const calendarUnits = ["hour", "day", "week", "month"] as const;
export type CalendarUnit = (typeof calendarUnits)[number];

/** Milliseconds since 1970; from `startMs` up to, but without, `endMs`. */
export interface Period {
  startMs: number;
  /** `Infinity` for a period that never ends. */
  endMs: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * No zone is this far from UTC, and none changes its offset twice within 32 hours, so that one look on either side of a
 * local time finds every change that can matter to it. The property test holds that over all zones.
 */
const offsetMsMax = 16 * hourMs;

/** Formatters hold some 30 KB each. Zones are named by operators, but a bound costs nothing. */
const formattersMax = 256;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** The period that each unit and zone was last asked for: calls ask for the current one, thousands of times. */
const lastPeriodsMax = 1_024;
const lastPeriods = new Map<string, Period>();

/**
 * The calendar unit of a zone that holds an instant. The periods of a zone tile time: each begins where the one before it
 * ends, none is empty.
 *
 * A day, week or month begins at the first instant at which the zone's clocks show its first midnight or later. So a
 * midnight that is skipped begins with the next time that exists, a local day that is skipped has no period, and clocks
 * that go back over midnight do not begin the day twice. An hour ends where the offset changes: one that is repeated is two.
 *
 * 0.2 us where the last answer for the unit and zone holds, else 12 us, and 37 where the clocks change near it.
 *
 * @throws RangeError for a zone that the runtime does not know.
 */
export function findCalendarPeriod(unit: CalendarUnit, timezone: string, atMs: number): Period {
  const name = `${unit} ${timezone}`;
  const last = lastPeriods.get(name);
  if (last !== undefined && atMs >= last.startMs && atMs < last.endMs) return last;
  const found = unit === "hour" ? findHour(timezone, atMs) : findDays(unit, timezone, atMs);
  if (lastPeriods.size >= lastPeriodsMax) lastPeriods.clear();
  lastPeriods.set(name, found);
  return found;
}

function findHour(timezone: string, atMs: number): Period {
  const offsetMs = findOffsetMs(timezone, atMs);
  const startMs = Math.floor((atMs + offsetMs) / hourMs) * hourMs - offsetMs;
  const endMs = startMs + hourMs;
  const lastMs = endMs - 1_000;
  return {
    startMs: findOffsetMs(timezone, startMs) === offsetMs ? startMs : findChangeMs(timezone, startMs, atMs),
    endMs: findOffsetMs(timezone, lastMs) === offsetMs ? endMs : findChangeMs(timezone, atMs, lastMs),
  };
}

function findDays(unit: "day" | "week" | "month", timezone: string, atMs: number): Period {
  const local = atMs + findOffsetMs(timezone, atMs);
  let startMs = findInstantMs(timezone, findLocalStart(unit, local, 0));
  for (let count = 1; ; count++) {
    const endMs = findInstantMs(timezone, findLocalStart(unit, local, count));
    // Not so where clocks went back over midnight after it, or where the zone skipped a day.
    if (endMs > atMs) return { startMs, endMs };
    startMs = endMs;
  }
}

/** The local midnight at which the unit begins that holds a local time, or the `after`th unit after it. */
function findLocalStart(unit: "day" | "week" | "month", local: number, after: number): number {
  const day = Math.floor(local / dayMs);
  if (unit === "day") return (day + after) * dayMs;
  // 1970-01-01 was a Thursday.
  if (unit === "week") return (day - ((((day + 3) % 7) + 7) % 7) + 7 * after) * dayMs;
  const date = new Date(local);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + after, 1);
}

/** The first instant at which the clocks of a zone show a local time or a later one. */
function findInstantMs(timezone: string, local: number): number {
  const before = findOffsetMs(timezone, local - offsetMsMax);
  const after = findOffsetMs(timezone, local + offsetMsMax);
  if (before === after) return local - before;
  const changeMs = findChangeMs(timezone, local - offsetMsMax, local + offsetMsMax);
  return local - before < changeMs ? local - before : Math.max(changeMs, local - after);
}

/** The whole second in (fromMs, toMs] from which on a zone has the offset that it has at `toMs`; it has another at `fromMs`. */
function findChangeMs(timezone: string, fromMs: number, toMs: number): number {
  const offsetMs = findOffsetMs(timezone, toMs);
  let low = Math.floor(fromMs / 1_000);
  let high = Math.floor(toMs / 1_000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (findOffsetMs(timezone, middle * 1_000) === offsetMs) high = middle;
    else low = middle;
  }
  return high * 1_000;
}

/** What a zone's clocks are ahead of UTC. 1.2 us; `formatToParts` would take 4.9. */
function findOffsetMs(timezone: string, atMs: number): number {
  const second = Math.floor(atMs / 1_000) * 1_000;
  // Always `MM/DD/YYYY, hh:mm:ss` for the years 1000 to 9999.
  const text = findFormatter(timezone).format(second);
  const number = (from: number, to: number) => Number(text.slice(from, to));
  return (
    Date.UTC(number(6, 10), number(0, 2) - 1, number(3, 5), number(12, 14), number(15, 17), number(18, 20)) - second
  );
}

function findFormatter(timezone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timezone);
  if (formatter !== undefined) return formatter;
  formatter = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  if (formatters.size >= formattersMax) formatters.clear();
  formatters.set(timezone, formatter);
  return formatter;
}
