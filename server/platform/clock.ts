/** Sources of time. Everything that decides by the clock takes one, so that tests can move it. */
export interface Clock {
  /** Milliseconds since 1970 by the database's clock, advanced by this process's monotonic clock. For every decision. */
  nowMs(): number;
  /** Monotonic milliseconds with a fraction, for durations only. */
  monotonicMs(): number;
  /** Takes a reading of the database's clock, made between the two monotonic instants. */
  setDatabaseTime(databaseMs: number, sentAtMonotonicMs: number, receivedAtMonotonicMs: number): void;
}

/**
 * A clock that starts from this machine's time and follows the database once readings arrive. Steps of the machine's
 * wall clock after the start change nothing: the base is monotonic.
 */
export function openClock(): Clock {
  let offsetMs = Date.now() - performance.now();
  let bestRoundTripMs = Number.POSITIVE_INFINITY;
  let bestAtMs = 0;
  return {
    nowMs: () => performance.now() + offsetMs,
    monotonicMs: () => performance.now(),
    setDatabaseTime(databaseMs, sentAtMs, receivedAtMs) {
      const roundTripMs = receivedAtMs - sentAtMs;
      // A slow round trip says little about the offset; keep a better reading for a minute, unless this one proves it wrong:
      // the database was read after the question was sent and before the answer came (its clock was set, or it is another).
      const isPossible = databaseMs >= sentAtMs + offsetMs && databaseMs <= receivedAtMs + offsetMs;
      if (isPossible && roundTripMs > bestRoundTripMs + 2 && receivedAtMs - bestAtMs < 60_000) return;
      bestRoundTripMs = roundTripMs;
      bestAtMs = receivedAtMs;
      offsetMs = databaseMs - (sentAtMs + roundTripMs / 2);
    },
  };
}
