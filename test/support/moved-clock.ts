import type { Clock } from "../../server/platform/clock.ts";

/** Database time that a test sets, and that goes on by itself from there; monotonic time is the machine's. */
export interface MovedClock extends Clock {
  /** Milliseconds since 1970. */
  setMs(nowMs: number): void;
}

export function openMovedClock(nowMs: number): MovedClock {
  let offsetMs = nowMs - performance.now();
  return {
    nowMs: () => performance.now() + offsetMs,
    monotonicMs: () => performance.now(),
    setDatabaseTime: () => undefined,
    setMs(laterMs) {
      offsetMs = laterMs - performance.now();
    },
  };
}
