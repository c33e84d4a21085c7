import type { SeededRandom } from "./seeded-random.ts";

/**
 * How well a delay tells two kinds of answers apart: the share of pairs, one of each kind, in which the second took longer
 * (half for equal ones). 0.5 tells nothing, 0 and 1 everything.
 */
export function findTimingSplit(first: readonly number[], second: readonly number[]): number {
  if (first.length === 0 || second.length === 0) throw new Error("a split needs both kinds");
  let longer = 0;
  for (const a of first) for (const b of second) longer += b > a ? 1 : b === a ? 0.5 : 0;
  return longer / (first.length * second.length);
}

/**
 * Measures two calls in pairs, each pair in a random order, so that what slows the machine down slows both.
 *
 * @returns milliseconds of each.
 */
export async function measurePairs(
  calls: readonly [() => Promise<void>, () => Promise<void>],
  pairs: number,
  random: SeededRandom,
): Promise<[number[], number[]]> {
  const delaysMs: [number[], number[]] = [[], []];
  for (let pair = 0; pair < pairs; pair++) {
    const start = random.integer(2) === 0 ? 0 : 1;
    for (const index of [start, 1 - start] as (0 | 1)[]) {
      const startedMs = performance.now();
      await calls[index]();
      delaysMs[index].push(performance.now() - startedMs);
    }
  }
  return delaysMs;
}
