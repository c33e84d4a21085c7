import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeCharge, makePriceBands, makeUpperBound, type Price, type TieredRate } from "../../../server/core/price.ts";
import { noTokens, type TokenUsage } from "../../../server/core/usage.ts";

/** A rate as a price list prints it: USD per million tokens in decimal text. */
interface ListedRate {
  usd: string;
  tiers: { from: number; usd: string }[];
}
type Listed = Record<"input" | "output", ListedRate> & Partial<Record<(typeof optionalBuckets)[number], ListedRate>>;

const optionalBuckets = [
  "cachedInput",
  "cacheWrite",
  "hourCacheWrite",
  "reasoning",
  "inputAudio",
  "outputAudio",
] as const;
const buckets = {
  inputTokens: ["input", "input"],
  outputTokens: ["output", "output"],
  cachedInputTokens: ["cachedInput", "input"],
  cacheWriteTokens: ["cacheWrite", "input"],
  hourCacheWriteTokens: ["hourCacheWrite", "input"],
  reasoningTokens: ["reasoning", "output"],
  inputAudioTokens: ["inputAudio", "input"],
  outputAudioTokens: ["outputAudio", "output"],
} as const satisfies Record<keyof TokenUsage, [keyof Listed, "input" | "output"]>;

/** Decimal text as a whole number of 10^-12: finer than anything in a price, and made without the code under test. */
function parseTrillionths(text: string): bigint {
  const [whole = "0", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(12, "0"));
}

/** The oracle: exact cost of one bucket in 10^-18 USD. */
function partOf(price: Listed, usage: TokenUsage, bucket: keyof TokenUsage): bigint {
  const [own, direction] = buckets[bucket];
  const isDerived = bucket === "hourCacheWriteTokens" && price.hourCacheWrite === undefined;
  const rate = price[own] ?? (isDerived ? price.cacheWrite : undefined) ?? price[direction];
  const allInput = [usage.inputTokens, usage.cachedInputTokens, usage.cacheWriteTokens, usage.inputAudioTokens];
  const input = allInput.map(BigInt).reduce((sum, tokens) => sum + tokens, 0n);
  const ruling = rate.tiers.filter((tier) => input >= BigInt(tier.from)).at(-1)?.usd ?? rate.usd;
  const tokens = usage[bucket] - (bucket === "cacheWriteTokens" ? usage.hourCacheWriteTokens : 0);
  const listed = parseTrillionths(ruling);
  // 1.6 times the price of the short ones, to the nano-USD below.
  const isMore = isDerived && price.cacheWrite !== undefined;
  return BigInt(tokens) * (isMore ? (((listed / 1_000n) * 16n) / 10n) * 1_000n : listed);
}

function makePrice(listed: Listed): Price {
  const nano = (text: string): bigint => parseTrillionths(text) / 1_000n;
  const rate = ({ usd, tiers }: ListedRate): TieredRate => ({
    base: nano(usd),
    tiers: tiers.map((tier) => ({ fromInputTokens: tier.from, rate: nano(tier.usd) })),
  });
  const price: Price = { id: "test", input: rate(listed.input), output: rate(listed.output) };
  for (const bucket of optionalBuckets) {
    const own = listed[bucket];
    if (own !== undefined) price[bucket] = rate(own);
  }
  return price;
}

const usd = fc
  .tuple(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: 9 }), fc.nat(999_999_999))
  .map(([whole, places, digits]) =>
    places === 0 ? String(whole) : `${whole}.${String(digits).padStart(9, "0").slice(0, places)}`,
  );
const listedRate = fc.record({
  usd,
  tiers: fc
    .uniqueArray(fc.record({ from: fc.integer({ min: 1, max: 1_000_000 }), usd }), {
      maxLength: 2,
      selector: (tier) => tier.from,
    })
    .map((tiers) => tiers.sort((a, b) => a.from - b.from)),
});
const listedPrice = fc.record(
  {
    input: listedRate,
    output: listedRate,
    cachedInput: listedRate,
    cacheWrite: listedRate,
    hourCacheWrite: listedRate,
    reasoning: listedRate,
    inputAudio: listedRate,
    outputAudio: listedRate,
  },
  { requiredKeys: ["input", "output"] },
) as fc.Arbitrary<Listed>;
const tokens = fc.oneof(
  { weight: 4, arbitrary: fc.nat(200_000) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1) },
  // Above 2^50 the sum of all inputs, which picks the tier, could be off by one as a float.
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 50) },
);
const usage: fc.Arbitrary<TokenUsage> = fc
  .record({
    inputTokens: tokens,
    cachedInputTokens: tokens,
    cacheWriteTokens: tokens,
    hourCacheWriteTokens: tokens,
    outputTokens: tokens,
    reasoningTokens: tokens,
    inputAudioTokens: tokens,
    outputAudioTokens: tokens,
  })
  .map((used) => ({ ...used, hourCacheWriteTokens: Math.min(used.cacheWriteTokens, used.hourCacheWriteTokens) }));
const names = Object.keys(buckets) as (keyof TokenUsage)[];
const perNano = 1_000_000_000n;

describe("makeCharge", () => {
  test("is the exact sum of its buckets, rounded up once, and never negative", () => {
    let priced = 0;
    fc.assert(
      fc.property(listedPrice, usage, (listed, used) => {
        const exact = names.reduce((sum, bucket) => sum + partOf(listed, used, bucket), 0n);
        const charge = makeCharge(makePrice(listed), used);
        if (charge > 0n) priced++;
        return charge >= 0n && charge * perNano >= exact && charge * perNano - exact < perNano;
      }),
      { numRuns: 100_000 },
    );
    expect(priced).toBeGreaterThan(50_000);
  }, 120_000);

  test("its buckets charged alone come to the total, but for each one's own rounding", () => {
    fc.assert(
      fc.property(listedPrice, usage, (listed, used) => {
        const flat: Listed = { ...listed };
        for (const bucket of ["input", "output", ...optionalBuckets] as const) {
          const rate = flat[bucket];
          if (rate !== undefined) flat[bucket] = { ...rate, tiers: [] };
        }
        const price = makePrice(flat);
        // What is a part of a bucket is charged with it.
        const whole = names.filter((bucket) => bucket !== "hourCacheWriteTokens");
        const alone = (bucket: keyof TokenUsage): TokenUsage => ({
          ...noTokens,
          [bucket]: used[bucket],
          hourCacheWriteTokens: bucket === "cacheWriteTokens" ? used.hourCacheWriteTokens : 0,
        });
        const parts = whole.reduce((sum, bucket) => sum + makeCharge(price, alone(bucket)), 0n);
        const surplus = parts - makeCharge(price, used);
        return surplus >= 0n && surplus < BigInt(names.length);
      }),
      { numRuns: 10_000 },
    );
  }, 60_000);
});

test("makeUpperBound holds for every way to spend that many tokens", () => {
  fc.assert(
    fc.property(listedPrice, usage, fc.nat(1_000), fc.nat(1_000), (listed, used, spareInput, spareOutput) => {
      const price = makePrice(listed);
      const input =
        used.inputTokens + used.cachedInputTokens + used.cacheWriteTokens + used.inputAudioTokens + spareInput;
      const output = used.outputTokens + used.reasoningTokens + used.outputAudioTokens + spareOutput;
      return makeUpperBound(price, input, output, used.hourCacheWriteTokens > 0) >= makeCharge(price, used);
    }),
    { numRuns: 20_000 },
  );
}, 60_000);

test("makePriceBands: one band rules each call, and its flat rates come to the charge", () => {
  fc.assert(
    fc.property(listedPrice, usage, (listed, used) => {
      const price = makePrice(listed);
      const input = used.inputTokens + used.cachedInputTokens + used.cacheWriteTokens + used.inputAudioTokens;
      const ruling = makePriceBands(price).filter(
        ({ fromInputTokens, toInputTokens }) => input >= fromInputTokens && input < (toInputTokens ?? Infinity),
      );
      const sum = names.reduce((total, bucket) => total + BigInt(used[bucket]) * (ruling[0]?.rates[bucket] ?? 0n), 0n);
      return ruling.length === 1 && (sum + 999_999n) / 1_000_000n === makeCharge(price, used);
    }),
    { numRuns: 20_000 },
  );
}, 60_000);
