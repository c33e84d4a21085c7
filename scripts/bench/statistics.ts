/** What a bar is judged by: the middle of the rounds, with the worst and the best beside it. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** The middle value, or the mean of the two middle ones. Throws on no values: a figure of nothing is a bug. */
export function median(values: readonly number[]): number {
  const sorted = sortedCopy(values);
  const upper = Math.floor(sorted.length / 2);
  const lower = sorted.length % 2 === 1 ? upper : upper - 1;
  return (at(sorted, lower) + at(sorted, upper)) / 2;
}

/** The nearest-rank percentile: the smallest value that at least `share` (0 < share <= 1) of the values do not pass. */
export function percentile(values: readonly number[], share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError(`percentile wants a share in (0, 1], got ${share}`);
  const sorted = sortedCopy(values);
  return at(sorted, Math.ceil(share * sorted.length) - 1);
}

/** Median, smallest and largest of the rounds. Throws on no values. */
export function summary(values: readonly number[]): Summary {
  return {
    median: median(values),
    min: values.reduce((a, b) => Math.min(a, b)),
    max: values.reduce((a, b) => Math.max(a, b)),
    count: values.length,
  };
}

/**
 * One ratio per round, `ours[i] / theirs[i]`: the two were measured one after the other, so that whatever slowed the
 * machine in that round slowed both. Throws when the rounds do not pair up or a divisor is not positive.
 */
export function pairedRatios(ours: readonly number[], theirs: readonly number[]): number[] {
  return paired(ours, theirs, (our, their) => {
    if (!(their > 0)) throw new RangeError(`a ratio needs a positive divisor, got ${their}`);
    return our / their;
  });
}

/** One difference per round, `ours[i] - theirs[i]`. Throws when the rounds do not pair up. */
export function pairedDifferences(ours: readonly number[], theirs: readonly number[]): number[] {
  return paired(ours, theirs, (our, their) => our - their);
}

function paired(
  ours: readonly number[],
  theirs: readonly number[],
  combine: (our: number, their: number) => number,
): number[] {
  if (ours.length !== theirs.length) throw new RangeError(`${ours.length} rounds against ${theirs.length}`);
  return ours.map((our, round) => combine(our, at(theirs, round)));
}

function sortedCopy(values: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError("no values: nothing was measured");
  if (values.some((value) => !Number.isFinite(value))) throw new RangeError("a measured value is not a number");
  return [...values].sort((a, b) => a - b);
}

function at(values: readonly number[], index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`no value at ${index}`);
  return value;
}
