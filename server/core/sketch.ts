/**
 * A sketch of a distribution of milliseconds, as hours and days of usage keep it: a bag of counted buckets on a logarithmic
 * scale, whose quantiles are at most 1 % from the true ones. Merging two sketches is putting one behind the other, so it is
 * exact, and in any order the same.
 *
 * An element is `count * 2^11 + bucket` (a positive int4, so a count is at most 2^20 - 1). A bucket may come any number of
 * times. Bucket 0 holds what is at most {@link leastMs}; bucket b from 1 to 2047 holds what is above leastMs * 1.02^(b-1) ms, up to
 * leastMs * 1.02^b ms: to 4 * 10^15 ms. The answer for a bucket with the ends l and u is 2 * l * u / (l + u), which is
 * 0.01 / 1.01 = 0.991 % from either.
 *
 * The functions of the same names in PostgreSQL (migration 0009) do this where the data is.
 *
 * Source: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019;
 * here gamma = 1.02.
 */
export type UsageSketch = readonly number[];

const gamma = 1.02;
const leastMs = 0.01;
const countUnit = 2_048;
export const sketchBucketMax = countUnit - 1;

/** The bucket of a number of milliseconds. */
export function findSketchBucket(ms: number): number {
  if (ms <= leastMs) return 0;
  const bucket = Math.ceil(Math.log(ms / leastMs) / Math.log(gamma));
  return bucket <= sketchBucketMax ? Math.max(1, bucket) : sketchBucketMax;
}

/** The element for so many values of one bucket. @param count from 1 to 2^20 - 1. */
export function makeSketchElement(bucket: number, count: number): number {
  return count * countUnit + bucket;
}

/** What a value of a bucket is taken for, in milliseconds. */
function findBucketMs(bucket: number): number {
  return bucket === 0 ? 0 : (leastMs * gamma ** bucket * 2) / (1 + gamma);
}

/**
 * The values at some ranks, in milliseconds: that of rank q is the value with the index floor(q * (n - 1)) of all n in order.
 *
 * @param ranks from 0 to 1.
 * @returns `null` where the sketch is empty.
 */
export function findSketchQuantiles(sketch: UsageSketch, ranks: readonly number[]): number[] | null {
  const counts = new Map<number, number>();
  let total = 0;
  for (const element of sketch) {
    const bucket = element % countUnit;
    const count = (element - bucket) / countUnit;
    counts.set(bucket, (counts.get(bucket) ?? 0) + count);
    total += count;
  }
  if (total === 0) return null;
  const sorted = [...counts].sort(([a], [b]) => a - b);
  return ranks.map((rank) => {
    const index = Math.floor(rank * (total - 1));
    let end = 0;
    const found = sorted.find(([, count]) => {
      end += count;
      return end > index;
    });
    return findBucketMs(found?.[0] ?? 0);
  });
}
