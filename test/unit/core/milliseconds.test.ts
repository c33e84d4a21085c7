import fc from "fast-check";
import { expect, test } from "vitest";
import { formatMs, roundMs } from "../../../server/core/milliseconds.ts";

test("a time is written with three decimals", () => {
  const texts = [0, 0.0004, 0.0006, 1, 12.3456, 999.9996, 1e10, -1.5].map(formatMs);
  expect(texts).toEqual(["0.000", "0.000", "0.001", "1.000", "12.346", "1000.000", "10000000000.000", "-1.500"]);
  expect(formatMs(Number.NaN)).toBe("NaN");
});

test("what is written is read back as the rounded time", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e8, noNaN: true }), (ms) => {
      expect(Number(formatMs(ms))).toBe(roundMs(ms));
      expect(formatMs(ms)).toMatch(/^\d+\.\d{3}$/);
    }),
  );
});
