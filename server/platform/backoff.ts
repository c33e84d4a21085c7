import { setTimeout as sleep } from "node:timers/promises";

/** Waits that double from `minMs` to `maxMs`, each spread over +-25 % so that many do not come at once. */
export interface Backoff {
  /** The next wait in milliseconds. */
  next(): number;
  /** Starts again at `minMs`; call it after a success. */
  reset(): void;
  /** Waits the next wait. Ends early, without an error, when the signal aborts. */
  wait(signal?: AbortSignal): Promise<void>;
}

export function makeBackoff({ minMs, maxMs }: { minMs: number; maxMs: number }): Backoff {
  let attempt = 0;
  const next = (): number => {
    const baseMs = Math.min(minMs * 2 ** attempt, maxMs);
    // Past the maximum the exponent has no meaning; without a bound it would overflow after a day of retries.
    if (baseMs < maxMs) attempt += 1;
    return baseMs * (0.75 + Math.random() / 2);
  };
  return {
    next,
    reset: () => {
      attempt = 0;
    },
    wait: (signal) => waitFor(next(), signal),
  };
}

/** Waits that long; ends early, without an error, when the signal aborts. */
export async function waitFor(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
