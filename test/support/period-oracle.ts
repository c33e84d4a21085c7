import type { CalendarUnit, Period } from "../../server/core/calendar.ts";

/**
 * A second opinion on calendar periods, made another way than the product: from a table of a zone's offsets, which it reads
 * from `timeZoneName: "longOffset"`, by walking through the stretches between changes with a clock that only ever goes forward.
 */
const weekMs = 7 * 86_400_000;
/** The property asks for 1970 to 2100. */
const firstMs = Date.UTC(1969, 9, 1);
const endMs = Date.UTC(2101, 2, 1);

/** From `fromMs` on a zone is `offsetMs` ahead of UTC. */
export interface OffsetChange {
  fromMs: number;
  offsetMs: number;
}

const tables = new Map<string, readonly OffsetChange[]>();

/** The offsets of a zone from 1969 to 2101, in order. No zone undoes a change within a week. */
export function findOffsetTable(timezone: string): readonly OffsetChange[] {
  const known = tables.get(timezone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", { timeZone: timezone, timeZoneName: "longOffset" });
  const offsetAt = (atMs: number): number => {
    const match = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(format.format(atMs));
    if (match === null) throw new Error(`no offset of ${timezone}`);
    const [, sign, hours = 0, minutes = 0, seconds = 0] = match;
    return (sign === "-" ? -1_000 : 1_000) * (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds));
  };
  const table = [{ fromMs: firstMs, offsetMs: offsetAt(firstMs) }];
  let offset = offsetAt(firstMs);
  for (let at = firstMs; at < endMs; at += weekMs) {
    const next = offsetAt(at + weekMs);
    if (next === offset) continue;
    let [from, to] = [at, at + weekMs];
    while (to - from > 1_000) {
      const middle = from + Math.floor((to - from) / 2_000) * 1_000;
      if (offsetAt(middle) === offset) from = middle;
      else to = middle;
    }
    table.push({ fromMs: to, offsetMs: next });
    offset = next;
  }
  tables.set(timezone, table);
  return table;
}

/** True where a local time, read as if it were UTC, is the first moment of a unit. */
const begins: Record<CalendarUnit, (local: Date) => boolean> = {
  hour: () => true,
  day: (local) => local.getUTCHours() === 0,
  week: (local) => local.getUTCHours() === 0 && local.getUTCDay() === 1,
  month: (local) => local.getUTCHours() === 0 && local.getUTCDate() === 1,
};

/** How far from an instant its period can begin or end. */
const reachMs: Record<CalendarUnit, number> = {
  hour: 2 * 86_400_000,
  day: weekMs,
  week: 3 * weekMs,
  month: 9 * weekMs,
};

/** The period that holds an instant, as {@link findOffsetTable} has it. */
export function findPeriodByTable(unit: CalendarUnit, timezone: string, atMs: number): Period {
  const starts = listStarts(unit, timezone, atMs - reachMs[unit], atMs + reachMs[unit]);
  const next = starts.findIndex((startMs) => startMs > atMs);
  const [startMs, periodEndMs] = [starts[next - 1], starts[next]];
  if (startMs === undefined || periodEndMs === undefined) throw new Error("the reach is too short");
  return { startMs, endMs: periodEndMs };
}

/** The instants in a stretch of time at which periods begin, rising. */
function listStarts(unit: CalendarUnit, timezone: string, fromMs: number, toMs: number): number[] {
  const hourMs = 3_600_000;
  const table = findOffsetTable(timezone);
  const starts: number[] = [];
  /** The latest local time that the zone's clocks have shown. */
  let shown = Number.NEGATIVE_INFINITY;
  table.forEach(({ fromMs: changeMs, offsetMs }, index) => {
    const from = Math.max(changeMs, fromMs);
    const to = Math.min(table[index + 1]?.fromMs ?? endMs, toMs);
    if (from >= to) return;
    // Hours begin anew with every offset, days do not begin twice.
    if (unit === "hour") starts.push(from);
    const first = unit === "hour" || shown === Number.NEGATIVE_INFINITY ? from + offsetMs : shown;
    for (let local = Math.ceil(first / hourMs) * hourMs; local < to + offsetMs; local += hourMs) {
      if (begins[unit](new Date(local))) starts.push(Math.max(from, local - offsetMs));
    }
    shown = Math.max(shown, to + offsetMs);
  });
  return [...new Set(starts)].sort((a, b) => a - b);
}
