const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** How long after each failed try the next one comes. The last of them goes on until the time is up. */
const delaysMs = [5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 4 * hour];
/** Spreads what failed together, as when a receiver was away. */
const jitterShare = 0.2;

/** For so long a message is tried. Then it is parked. */
export const triesMs = 24 * hour;

export interface FailedTry {
  /** This one and those before. */
  attempts: number;
  nowMs: number;
  /** When it is given up. */
  giveUpMs: number;
  /** What the receiver asked for; 0 where it asked for nothing. At most an hour of it is granted. */
  retryAfterMs: number;
  /** From 0 to 1. */
  chance: number;
}

/** When the next try is due, in milliseconds since 1970; `null` where there is none any more. The last one is at the very end. */
export function findNextTry({ attempts, nowMs, giveUpMs, retryAfterMs, chance }: FailedTry): number | null {
  if (nowMs >= giveUpMs) return null;
  const delayMs = delaysMs[Math.min(attempts, delaysMs.length) - 1] ?? 0;
  const spreadMs = delayMs * (1 - jitterShare + 2 * jitterShare * chance);
  return Math.min(giveUpMs, nowMs + Math.max(spreadMs, Math.min(retryAfterMs, hour)));
}

/** Reads `Retry-After` in its form of seconds; 0 for anything else. Source: RFC 9110, 10.2.3. */
export function parseRetryAfter(text: string | null): number {
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) * second : 0;
}
