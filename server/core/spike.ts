/** Fewer hours than this are no baseline: what is usual for the key is not known yet. */
const samplesMin = 4;

/**
 * What an hour must exceed to be unusual: the median of the samples, and so many deviations above it. The deviation is the
 * median absolute deviation, scaled to a normal distribution, and at least a tenth of the median: one odd hour among the
 * samples moves neither. Integers throughout, so that money stays exact.
 *
 * @param samples hours like this one: nano-USD or counts, zero where nothing happened.
 * @param sensitivity how many deviations.
 * @returns `null` where there are too few samples.
 *
 * Source: Leys et al. 2013, "Detecting outliers: Do not use standard deviation around the mean, use absolute deviation
 * around the median".
 */
export function findSpikeLimit(
  samples: readonly bigint[],
  sensitivity: number,
): { usual: bigint; limit: bigint } | null {
  if (samples.length < samplesMin) return null;
  const usual = findMedian(samples);
  const deviation = findMedian(samples.map((sample) => (sample > usual ? sample - usual : usual - sample)));
  // 1.4826 = 1 / the 75 % quantile of the standard normal distribution.
  const scaled = (deviation * 14_826n) / 10_000n;
  const least = usual / 10n;
  return { usual, limit: usual + BigInt(sensitivity) * (scaled > least ? scaled : least) };
}

function findMedian(values: readonly bigint[]): bigint {
  const sorted = [...values].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0n;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0n) + upper) / 2n;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * The hours that are like an hour, newest first, in milliseconds since 1970: the same hour of the week in eight weeks. For a
 * key that is too young for these, the same hour of the day in four weeks.
 *
 * @param sinceMs when the key was made; nothing is usual before.
 */
export function listSimilarHours(hourStartMs: number, sinceMs: number): number[] {
  const back = (stepMs: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => hourStartMs - (index + 1) * stepMs).filter((ms) => ms >= sinceMs);
  const weeks = back(7 * dayMs, 8);
  return weeks.length >= samplesMin ? weeks : back(dayMs, 28);
}
