import { findCalendarPeriod } from "./calendar.ts";
import type { UsageGrain } from "./usage-question.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/**
 * Where the buckets of a range begin that a grain and a timezone cut it into, in milliseconds since 1970, ascending. The
 * first one begins at `fromMs` or before it, each ends where the next begins. Without a grain the range is one bucket.
 *
 * @returns `null` where there are more than `bucketsMax`.
 */
export function listBuckets(
  grain: UsageGrain | null,
  timezone: string,
  fromMs: number,
  toMs: number,
  bucketsMax: number,
): number[] | null {
  if (grain === null) return [fromMs];
  const stepMs = { minute: minuteMs, hour: hourMs, day: dayMs }[grain];
  if ((toMs - fromMs) / stepMs > bucketsMax + 1) return null;
  const starts: number[] = [];
  const first = grain === "day" ? "day" : "hour";
  // An hour that the clocks change in is as long as it is; all others of a day follow from its beginning.
  for (let atMs = fromMs; atMs < toMs; ) {
    const day = findCalendarPeriod("day", timezone, atMs);
    const period =
      first === "day" || day.endMs - day.startMs === dayMs ? day : findCalendarPeriod("hour", timezone, atMs);
    const innerMs = grain === "day" ? period.endMs - period.startMs : stepMs;
    for (let startMs = period.startMs; startMs < period.endMs && startMs < toMs; startMs += innerMs) {
      if (startMs + innerMs > fromMs) starts.push(startMs);
    }
    atMs = period.endMs;
  }
  return starts.length > bucketsMax ? null : starts;
}

/**
 * The range before a range, as long as it is: by days of the timezone where it begins and ends with days, so that a week is
 * held against the week before even where the clocks changed.
 */
export function findPreviousRange(timezone: string, fromMs: number, toMs: number): { fromMs: number; toMs: number } {
  const isMidnight = (atMs: number) => findCalendarPeriod("day", timezone, atMs).startMs === atMs;
  if (!isMidnight(fromMs) || !isMidnight(toMs)) return { fromMs: fromMs - (toMs - fromMs), toMs: fromMs };
  let startMs = fromMs;
  for (let atMs = fromMs; atMs < toMs; atMs = findCalendarPeriod("day", timezone, atMs).endMs) {
    startMs = findCalendarPeriod("day", timezone, startMs - 1).startMs;
  }
  return { fromMs: startMs, toMs: fromMs };
}
