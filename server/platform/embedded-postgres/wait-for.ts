import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks `condition` until it gives something other than false, null or undefined, and returns that; null once `timeoutMs`
 * have passed. Keeps the event loop alive meanwhile.
 * @throws the signal's reason when it is aborted.
 */
export async function waitFor<T>(
  condition: () => T | false | null | undefined,
  options: { timeoutMs: number; everyMs?: number; signal?: AbortSignal | undefined },
): Promise<T | null> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  for (;;) {
    options.signal?.throwIfAborted();
    const found = condition();
    if (found !== false && found !== null && found !== undefined) return found;
    if (deadline.aborted) return null;
    await sleep(options.everyMs ?? 10);
  }
}
