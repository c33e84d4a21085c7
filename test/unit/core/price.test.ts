import { describe, expect, test } from "vitest";
import { makeCharge, makeFlatRate, type Price } from "../../../server/core/price.ts";
import { noTokens } from "../../../server/core/usage.ts";

describe("makeCharge", () => {
  test.each([
    [0, 0n],
    [1, 1n],
    [1_000_000, 1n],
    [1_000_001, 2n],
    [Number.MAX_SAFE_INTEGER, 9_007_199_255n],
    [2 ** 63, 9_223_372_036_855n],
  ])("%d tokens at 1 nano-USD per million", (inputTokens, expected) => {
    const price: Price = { id: "x", input: makeFlatRate(1n), output: makeFlatRate(0n) };
    expect(makeCharge(price, { ...noTokens, inputTokens })).toBe(expected);
  });

  test("a negative or absurd count adds nothing", () => {
    const price: Price = { id: "x", input: makeFlatRate(1_000_000n), output: makeFlatRate(1_000_000n) };
    expect(makeCharge(price, { ...noTokens, inputTokens: -5, outputTokens: Number.NaN, reasoningTokens: 3 })).toBe(3n);
  });

  test("a free price is zero", () => {
    const price: Price = { id: "x", input: makeFlatRate(0n), output: makeFlatRate(0n) };
    expect(makeCharge(price, { ...noTokens, inputTokens: 1e9, outputTokens: 1e9 })).toBe(0n);
  });
});
