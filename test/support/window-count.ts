/** When a call was sent, and when its answer came: it was decided at some time between. */
export interface DecidedCall {
  sentAtMs: number;
  decidedAtMs: number;
}

/**
 * The most calls that were certainly decided within one window of this length: sent after its beginning and answered before
 * its end. A limit that held never has more, whatever the delays; a limit that was passed by little may not be seen.
 */
export function countMostWithin(calls: readonly DecidedCall[], windowMs: number): number {
  const byEnd = [...calls].sort((a, b) => a.decidedAtMs - b.decidedAtMs);
  let most = 0;
  for (const { sentAtMs: fromMs } of calls) {
    let count = 0;
    for (const { sentAtMs, decidedAtMs } of byEnd) {
      if (decidedAtMs >= fromMs + windowMs) break;
      if (sentAtMs >= fromMs) count++;
    }
    most = Math.max(most, count);
  }
  return most;
}
