import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  findSketchBucket,
  findSketchQuantiles,
  makeSketchElement,
  sketchBucketMax,
} from "../../../server/core/sketch.ts";

const milliseconds = fc.oneof(
  fc.double({ min: 0.010_001, max: 4e15, noNaN: true }),
  fc.double({ min: 0.02, max: 600_000, noNaN: true }),
  fc.integer({ min: 1, max: 10_000 }),
);
const ranks = [0, 0.25, 0.5, 0.95, 0.99, 1];

describe("a sketch", () => {
  test("answers quantiles within 1 %", () => {
    fc.assert(
      fc.property(fc.array(milliseconds, { minLength: 1, maxLength: 300 }), (values) => {
        const found = findSketchQuantiles(
          values.map((ms) => makeSketchElement(findSketchBucket(ms), 1)),
          ranks,
        );
        const sorted = [...values].sort((a, b) => a - b);
        for (const [index, rank] of ranks.entries()) {
          const exact = sorted[Math.floor(rank * (sorted.length - 1))] ?? 0;
          expect(Math.abs((found?.[index] ?? 0) - exact) / exact).toBeLessThanOrEqual(0.01);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test("is the same however it is put together and in whatever order", () => {
    const bucket = fc.integer({ min: 0, max: sketchBucketMax });
    const element = fc.tuple(bucket, fc.integer({ min: 1, max: 2 ** 20 - 1 }));
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 50 }), fc.nat(), (elements, at) => {
        const sketch = elements.map(([of, count]) => makeSketchElement(of, count));
        const cut = at % sketch.length;
        const turned = [...sketch.slice(cut), ...sketch.slice(0, cut)];
        const split = elements.flatMap(([of, count]) =>
          count === 1 ? [makeSketchElement(of, 1)] : [makeSketchElement(of, 1), makeSketchElement(of, count - 1)],
        );
        expect(findSketchQuantiles(turned, ranks)).toEqual(findSketchQuantiles(sketch, ranks));
        expect(findSketchQuantiles(split, ranks)).toEqual(findSketchQuantiles(sketch, ranks));
      }),
      { numRuns: 5_000 },
    );
  });

  test("takes what is next to nothing for 0, and what is beyond its scale for its end", () => {
    expect([0, 0.01, 0.010_1, Number.POSITIVE_INFINITY, Number.NaN].map(findSketchBucket)).toEqual([
      0,
      0,
      1,
      sketchBucketMax,
      sketchBucketMax,
    ]);
    expect(findSketchQuantiles([makeSketchElement(0, 3)], [0.5])).toEqual([0]);
    expect(findSketchQuantiles([], [0.5])).toBe(null);
  });
});
