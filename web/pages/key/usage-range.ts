import { findNowMs } from "../../app/clock.ts";

export const usageRanges = {
  "1h": { label: "1 h", hours: 1, grain: "minute" },
  "24h": { label: "24 h", hours: 24, grain: "hour" },
  "7d": { label: "7 days", hours: 7 * 24, grain: "hour" },
  "30d": { label: "30 days", hours: 30 * 24, grain: "day" },
  "90d": { label: "90 days", hours: 90 * 24, grain: "day" },
} as const;
export type UsageRange = keyof typeof usageRanges;

const minuteMs = 60_000;
const stepMs = { minute: minuteMs, hour: 60 * minuteMs, day: 24 * 60 * minuteMs } as const;

/** From when on, at the beginning of a bucket in UTC, so that the question stays the same for a while. */
export function findRangeStart(range: UsageRange): string {
  const { hours, grain } = usageRanges[range];
  const step = stepMs[grain];
  return new Date(Math.ceil((findNowMs() - hours * stepMs.hour) / step) * step).toISOString();
}

/** The beginnings of all buckets of a range, in milliseconds since 1970; also of those in which nothing happened. */
export function listBuckets(range: UsageRange, from: string, to: string): number[] {
  const step = stepMs[usageRanges[range].grain];
  const endMs = new Date(to).getTime();
  const buckets: number[] = [];
  for (let at = new Date(from).getTime(); at < endMs; at += step) buckets.push(at);
  return buckets;
}
