import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { median, pairedDifferences, pairedRatios, percentile, summary } from "../../../scripts/bench/statistics.ts";

const figures = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 });

describe("median", () => {
  it("is the middle of an odd number of values, in any order", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([7])).toBe(7);
  });

  it("is the mean of the two middle ones of an even number", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it("sorts by value, not by text", () => {
    expect(median([100, 9, 20])).toBe(20);
  });

  it("leaves as many values above as below", () => {
    fc.assert(
      fc.property(figures, (values) => {
        const middle = median(values);
        const below = values.filter((value) => value < middle).length;
        const above = values.filter((value) => value > middle).length;
        expect(below).toBeLessThanOrEqual(values.length / 2);
        expect(above).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });

  it("refuses no values and what is no number: a figure of nothing would pass a bar", () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => median([1, Number.NaN])).toThrow(RangeError);
    expect(() => median([1, Number.POSITIVE_INFINITY])).toThrow(RangeError);
  });

  it("does not reorder what it was given", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe("percentile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it("is the nearest rank", () => {
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([1, 2, 3], 0.5)).toBe(2);
    expect(percentile([5], 0.01)).toBe(5);
  });

  it("is one of the values, and at least its share of them do not pass it", () => {
    fc.assert(
      fc.property(figures, fc.double({ min: 0.001, max: 1, noNaN: true }), (values, share) => {
        const value = percentile(values, share);
        expect(values).toContain(value);
        expect(values.filter((other) => other <= value).length).toBeGreaterThanOrEqual(share * values.length);
      }),
    );
  });

  it("refuses a share outside (0, 1]", () => {
    for (const share of [0, -0.1, 1.01, 99]) expect(() => percentile(hundred, share)).toThrow(RangeError);
  });
});

describe("pairing", () => {
  it("divides within a round: a slow round of both changes nothing", () => {
    expect(pairedRatios([10, 40, 10], [5, 20, 5])).toEqual([2, 2, 2]);
  });

  it("subtracts within a round", () => {
    expect(pairedDifferences([3, 10], [1, 9])).toEqual([2, 1]);
  });

  it("refuses rounds that do not pair up, and a divisor of nothing", () => {
    expect(() => pairedRatios([1, 2], [1])).toThrow(RangeError);
    expect(() => pairedDifferences([1], [1, 2])).toThrow(RangeError);
    expect(() => pairedRatios([1], [0])).toThrow(RangeError);
  });
});

describe("summary", () => {
  it("tells median, smallest, largest and count", () => {
    expect(summary([5, 1, 3, 4])).toEqual({ median: 3.5, min: 1, max: 5, count: 4 });
  });
});
