import { waitFor } from "../platform/backoff.ts";
import type { Clock } from "../platform/clock.ts";

/** Whether something answers, asked as often as anybody likes and passed on at most once a second. */
export interface Probe {
  /** Never throws; an answer is at most a second old. */
  ask(): Promise<boolean>;
  /** How long it has been failing, by the asking so far; 0 while it answers. */
  failingForMs(): number;
}

const freshMs = 1_000;

/** @param check rejects where the thing does not answer; it counts as failed after `timeoutMs`. */
export function makeProbe(check: () => Promise<unknown>, clock: Clock, timeoutMs = 2_000): Probe {
  let failingSinceMs: number | null = null;
  let last: { isUp: boolean; atMs: number } | null = null;
  let asking: Promise<boolean> | null = null;

  const ask = async (): Promise<boolean> => {
    const timer = new AbortController();
    const tooLate = waitFor(timeoutMs, timer.signal).then(() => false);
    const isUp = await Promise.race([isFulfilled(check), tooLate]);
    timer.abort();
    last = { isUp, atMs: clock.monotonicMs() };
    failingSinceMs = isUp ? null : (failingSinceMs ?? last.atMs);
    return isUp;
  };
  return {
    ask() {
      if (last !== null && clock.monotonicMs() - last.atMs < freshMs) return Promise.resolve(last.isUp);
      asking ??= ask().finally(() => {
        asking = null;
      });
      return asking;
    },
    failingForMs: () => (failingSinceMs === null ? 0 : clock.monotonicMs() - failingSinceMs),
  };
}

async function isFulfilled(check: () => Promise<unknown>): Promise<boolean> {
  try {
    await check();
    return true;
  } catch {
    return false;
  }
}
