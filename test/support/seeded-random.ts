/** Random numbers that a seed repeats. */
export interface SeededRandom {
  readonly seed: number;
  /** 0 <= n < 1. */
  next(): number;
  /** A whole number, 0 <= n < below. */
  integer(below: number): number;
  pick<T>(values: readonly T[]): T;
}

/** Takes the seed from `TEST_SEED` where it is set, so that a failure can be run again. */
export function makeSeededRandom(
  seed: number = Number(process.env.TEST_SEED ?? (Math.random() * 2 ** 31) | 0),
): SeededRandom {
  let state = seed >>> 0;
  // Mulberry32.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (below: number): number => Math.floor(next() * below);
  return { seed, next, integer, pick: (values) => values[integer(values.length)] as (typeof values)[number] };
}
