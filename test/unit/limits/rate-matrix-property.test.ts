import { describe, expect, it } from "vitest";
import type { RateLimit } from "../../../server/core/rate-limit.ts";
import { SlidingWindow } from "../../../server/limits/sliding-window.ts";

const windowMs = 60_000;

/** Decides over one call; counts it where it fits. */
type Subject = (nowMs: number) => boolean;

const subjects: Record<string, (limit: number) => Subject> = {
  ours(limit) {
    const window = new SlidingWindow(windowMs);
    const of: RateLimit = { name: "requests_per_minute", resource: "requests", windowMs, limit, refill: null };
    return (nowMs) => {
      const fits = window.waitMs(nowMs, 1, of) === 0;
      if (fits) window.add(nowMs, 1);
      return fits;
    };
  },
  /** Planted: the generic cell rate algorithm with a burst of the whole limit. */
  gcra(limit) {
    let dueMs = 0;
    return (nowMs) => {
      const next = Math.max(dueMs, nowMs) + windowMs / limit;
      if (next - nowMs > windowMs) return false;
      dueMs = next;
      return true;
    };
  },
  /** Planted: the count of this minute and a weighted one of the minute before. */
  twoCounters(limit) {
    const counts = new Map<number, number>();
    return (nowMs) => {
      const minute = Math.floor(nowMs / windowMs);
      const share = 1 - (nowMs % windowMs) / windowMs;
      const now = counts.get(minute) ?? 0;
      if ((counts.get(minute - 1) ?? 0) * share + now + 1 > limit) return false;
      counts.set(minute, now + 1);
      return true;
    };
  },
};

/** An exact log, as a ring. */
function makeExactLog(limit: number): Subject {
  const times = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
  let next = 0;
  return (nowMs) => {
    if ((times[next] ?? 0) > nowMs - windowMs) return false;
    times[next] = nowMs;
    next = (next + 1) % limit;
    return true;
  };
}

/** The most that was admitted in any window, of any alignment: one that ends with an admitted call is among the fullest. */
function countMost(times: readonly number[]): number {
  let first = 0;
  let most = 0;
  for (const [index, atMs] of times.entries()) {
    while ((times[first] ?? atMs) <= atMs - windowMs) first++;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

const patterns: Record<string, (limit: number, load: number) => Generator<number>> = {
  *even(limit, load) {
    for (let index = 0; index < limit * load * 4; index++) yield (index * windowMs) / (limit * load);
  },
  /** Bursts that straddle the edges of the minutes. */
  *bursts(limit, load) {
    for (let minute = 0; minute < 4; minute++) {
      for (let index = 0; index < limit * load; index++) {
        yield minute * windowMs + windowMs * 0.8 + (index / (limit * load)) * windowMs * 0.4;
      }
    }
  },
};

function run(make: (limit: number) => Subject, pattern: string, limit: number, load: number) {
  const [subject, exact] = [make(limit), makeExactLog(limit)];
  const admitted: number[] = [];
  let allowance = 0;
  const offered = [...(patterns[pattern]?.(limit, load) ?? [])].sort((a, b) => a - b);
  for (const atMs of offered) {
    if (subject(atMs)) admitted.push(atMs);
    if (exact(atMs)) allowance++;
  }
  return { most: countMost(admitted), share: admitted.length / allowance };
}

const limits = [5, 100, 10_000];
const cases = Object.keys(patterns).flatMap((pattern) =>
  limits.flatMap((limit) => [0.9, 2, 10].map((load) => ({ pattern, limit, load }))),
);

describe("the matrix of limits and loads", () => {
  it.each(cases)(
    "$pattern, limit $limit, load $load: no excess, and 0.99 of an exact log",
    ({ pattern, limit, load }) => {
      const { most, share } = run(subjects.ours as (limit: number) => Subject, pattern, limit, load);
      expect(most).toBeLessThanOrEqual(limit);
      expect(share).toBeGreaterThanOrEqual(0.99);
    },
  );

  it.each(["gcra", "twoCounters"])("catches %s (planted)", (name) => {
    const small = cases.filter(({ limit }) => limit < 10_000);
    const found = small.map(({ pattern, limit, load }) => {
      const { most } = run(subjects[name] as (limit: number) => Subject, pattern, limit, load);
      return most > limit;
    });
    expect(found).toContain(true);
  });
});
