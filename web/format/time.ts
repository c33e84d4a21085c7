import { findNowMs } from "../app/clock.ts";

const steps: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 365 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const instant = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

/** `3 min. ago`, `in 89 days`. */
export function formatRelative(text: string, nowMs = findNowMs()): string {
  const seconds = (new Date(text).getTime() - nowMs) / 1_000;
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return Math.abs(seconds) < 5 ? "now" : relative.format(Math.trunc(seconds), "second");
}

/** In the time zone of the browser. */
export function formatInstant(text: string): string {
  return instant.format(new Date(text));
}

export function formatDay(text: string): string {
  return day.format(new Date(text));
}

/** Whole and part days from now; negative in the past. */
export function findDaysUntil(text: string): number {
  return (new Date(text).getTime() - findNowMs()) / 86_400_000;
}
