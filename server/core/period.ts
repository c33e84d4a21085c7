import { findCalendarPeriod, type Period } from "./calendar.ts";

const dayMs = 86_400_000;

/** The spellings of a budget's period: `Nd` (1 to 9,999 days), `day`, `week`, `month`, `total`. */
export const periodShape = /^(?:([1-9]\d{0,3})d|day|week|month|total)$/;

/** What a budget says about its periods. */
export interface PeriodTerms {
  /** `Nd`, `day`, `week`, `month` or `total`. */
  period: string;
  /** IANA name; of calendar periods. */
  timezone: string;
  /** Where periods of `Nd` begin to count, milliseconds since 1970. */
  anchorMs: number;
}

/**
 * The period that holds an instant. The periods of one budget tile time: no gap, no overlap.
 *
 * `Nd` is N times 24 hours, counted from the anchor in both directions; `day`, `week` and `month` are those of the calendar
 * in the timezone; `total` is all of time since 1970.
 *
 * @throws RangeError for what {@link periodShape} refuses, or a timezone that the runtime does not know.
 */
export function findPeriod({ period, timezone, anchorMs }: PeriodTerms, atMs: number): Period {
  if (period === "day" || period === "week" || period === "month") return findCalendarPeriod(period, timezone, atMs);
  if (period === "total") return { startMs: 0, endMs: Number.POSITIVE_INFINITY };
  const days = periodShape.exec(period)?.[1];
  if (days === undefined) throw new RangeError(`no period: ${period}`);
  const lengthMs = Number(days) * dayMs;
  const startMs = anchorMs + Math.floor((atMs - anchorMs) / lengthMs) * lengthMs;
  return { startMs, endMs: startMs + lengthMs };
}
