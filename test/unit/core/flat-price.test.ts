import fc from "fast-check";
import { expect, test } from "vitest";
import { type FlatRates, makeFlatPrice, rateBuckets, rateFields } from "../../../server/core/flat-price.ts";
import { makePriceView, makeWireRates, parseWireRates, wireRates } from "../../../server/core/price-schema.ts";

const rate = fc.bigInt({ min: 0n, max: 1_000_000_000_000_000n });
const optional = Object.fromEntries(
  rateBuckets.filter((bucket) => bucket !== "input" && bucket !== "output").map((bucket) => [bucket, rate]),
);
const rates: fc.Arbitrary<FlatRates> = fc.record(
  { input: rate, output: rate, ...optional },
  { requiredKeys: ["input", "output"] },
);

test("rates survive the wire and the table exactly", () => {
  fc.assert(
    fc.property(rates, (some) => {
      expect(parseWireRates(wireRates.parse(JSON.parse(JSON.stringify(makeWireRates(some)))))).toEqual(some);
    }),
  );
});

test("the id names source, model and rates, and nothing else does", () => {
  fc.assert(
    fc.property(rates, rates, (one, other) => {
      const id = makeFlatPrice("stored", "m", one).id;
      expect(id).toBe(makeFlatPrice("stored", "m", { ...one }).id);
      expect(id).toMatch(/^stored:m:[0-9a-f]{8}$/);
      const isSame = rateBuckets.every((bucket) => one[bucket] === other[bucket]);
      expect(makeFlatPrice("stored", "m", other).id === id).toBe(isSame);
      expect(makeFlatPrice("config", "m", one).id).not.toBe(id);
    }),
  );
});

test("a view has every rate under the name that it is set by", () => {
  const view = makePriceView(makeFlatPrice("stored", "m", { input: 1_250_000_000n, output: 0n, cacheWrite: 1n }));
  expect(view).toMatchObject({
    [rateFields.input]: "1.25",
    [rateFields.output]: "0",
    [rateFields.cacheWrite]: "0.000000001",
    tiers: [],
  });
  expect(rateFields.reasoning in view).toBe(false);
});
