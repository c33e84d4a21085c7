import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatUsd, parseUsd } from "../../../server/core/money.ts";

describe("parseUsd", () => {
  test.each<[string | number, bigint]>([
    ["0", 0n],
    ["1.5", 1_500_000_000n],
    ["0.000000001", 1n],
    ["999999999999.999999999", 999_999_999_999_999_999_999n],
    ["007.10", 7_100_000_000n],
    [0, 0n],
    [0.1, 100_000_000n],
    [0.3, 300_000_000n],
    [1e-9, 1n],
    [1.4e-9, 1n],
    [4.9e-10, 0n],
    [25, 25_000_000_000n],
    [0.1 + 0.2, 300_000_000n],
  ])("%j is %d nano-USD", (value, expected) => {
    expect(parseUsd(value)).toBe(expected);
  });

  test.each<[string | number]>([
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY],
    [-0],
    [-1],
    [-1e-12],
    [1e12],
    [1e308],
    [""],
    [" 1"],
    ["1 "],
    ["+1"],
    ["-1"],
    ["-0"],
    ["1."],
    [".5"],
    ["1,5"],
    ["1e3"],
    ["0x10"],
    ["1_000"],
    ["１"],
    ["NaN"],
    ["Infinity"],
    ["0.0000000001"],
    ["1000000000000"],
    ["1\n"],
  ])("%j is refused", (value) => {
    expect(parseUsd(value)).toBeNull();
  });
});

/** Of every size, and around whole USD, where a rounded quotient would be one too many. */
const amount = fc.oneof(
  fc.bigInt({ min: 0n, max: 10n ** 21n - 1n }),
  fc.bigInt({ min: 0n, max: 2n ** 53n }),
  fc
    .record({ usd: fc.bigInt({ min: 1n, max: 9_007_200n }), off: fc.bigInt({ min: -2n, max: 2n }) })
    .map(({ usd, off }) => usd * 1_000_000_000n + off),
);

test("what is written is read back, without trailing zeros", () => {
  fc.assert(
    fc.property(amount, (nano) => {
      const text = formatUsd(nano);
      return parseUsd(text) === nano && !/\.\d*0$|\.$/.test(text);
    }),
    { numRuns: 10_000 },
  );
});

test("a number means its own shortest decimal text", () => {
  const places = fc.tuple(fc.integer({ min: 0, max: 999_999 }), fc.integer({ min: 0, max: 999_999_999 }));
  fc.assert(
    fc.property(places, ([whole, fraction]) => {
      const text = `${whole}.${String(fraction).padStart(9, "0")}`;
      return parseUsd(Number(text)) === BigInt(whole) * 1_000_000_000n + BigInt(fraction);
    }),
    { numRuns: 10_000 },
  );
});

test("any text is read exactly or refused", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.,eE+-]{0,24}$/), fc.double().map(String));
  fc.assert(
    fc.property(text, (value) => {
      const nano = parseUsd(value);
      return nano === null || (nano >= 0n && /^\d+(\.\d+)?$/.test(value) && Number(formatUsd(nano)) === Number(value));
    }),
    { numRuns: 10_000 },
  );
});

test("debts are written with a sign", () => {
  expect(formatUsd(-1n)).toBe("-0.000000001");
  expect(formatUsd(-1_500_000_000n)).toBe("-1.5");
});
