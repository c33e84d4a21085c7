import type { NanoUsd } from "./money.ts";
import type { TokenUsage } from "./usage.ts";

/** Nano-USD per million tokens: 1 USD per million tokens is 1_000_000_000n. */
export type Rate = bigint;

/** A rate that may rise with the size of the input. Tiers are sorted by `fromInputTokens`; the last one that fits rules all tokens. */
export interface TieredRate {
  base: Rate;
  tiers: readonly { fromInputTokens: number; rate: Rate }[];
}

/** List price of one model at one provider. A bucket without its own rate is charged as its plain direction. */
export interface Price {
  /** Names the source and version of this price, kept on every charge. */
  id: string;
  input: TieredRate;
  output: TieredRate;
  cachedInput?: TieredRate;
  cacheWrite?: TieredRate;
  reasoning?: TieredRate;
  inputAudio?: TieredRate;
  outputAudio?: TieredRate;
}

const tokensPerRate = 1_000_000n;

/** Makes a rate without tiers. `ratePerMillion` is nano-USD per million tokens. */
export function makeFlatRate(ratePerMillion: Rate): TieredRate {
  return { base: ratePerMillion, tiers: [] };
}

function rateFor(rate: TieredRate, inputTokensAll: number): Rate {
  let ruling = rate.base;
  for (const tier of rate.tiers) {
    if (inputTokensAll >= tier.fromInputTokens) ruling = tier.rate;
  }
  return ruling;
}

/**
 * The exact cost of a usage: the sum over all buckets, divided once, rounded up to the next nano-USD.
 * Token counts are non-negative safe integers.
 */
export function makeCharge(price: Price, usage: Readonly<TokenUsage>): NanoUsd {
  const inputAll = usage.inputTokens + usage.cachedInputTokens + usage.cacheWriteTokens + usage.inputAudioTokens;
  let sum = 0n;
  const add = (tokens: number, rate: TieredRate): void => {
    if (tokens > 0) sum += BigInt(tokens) * rateFor(rate, inputAll);
  };
  add(usage.inputTokens, price.input);
  add(usage.outputTokens, price.output);
  add(usage.cachedInputTokens, price.cachedInput ?? price.input);
  add(usage.cacheWriteTokens, price.cacheWrite ?? price.input);
  add(usage.reasoningTokens, price.reasoning ?? price.output);
  add(usage.inputAudioTokens, price.inputAudio ?? price.input);
  add(usage.outputAudioTokens, price.outputAudio ?? price.output);
  return (sum + tokensPerRate - 1n) / tokensPerRate;
}

/** The rates of a price for calls of one size: from `fromInputTokens` on, up to and without `toInputTokens`. */
export interface PriceBand {
  fromInputTokens: number;
  /** `null`: of any size. */
  toInputTokens: number | null;
  /** One for each bucket of {@link TokenUsage}, those without a rate of their own filled in. */
  rates: Record<keyof TokenUsage, Rate>;
}

/** A price as bands of flat rates, the smallest calls first: {@link makeCharge} for those who cannot call it, such as a query. */
export function makePriceBands(price: Price): PriceBand[] {
  const byBucket: Record<keyof TokenUsage, TieredRate> = {
    inputTokens: price.input,
    outputTokens: price.output,
    cachedInputTokens: price.cachedInput ?? price.input,
    cacheWriteTokens: price.cacheWrite ?? price.input,
    reasoningTokens: price.reasoning ?? price.output,
    inputAudioTokens: price.inputAudio ?? price.input,
    outputAudioTokens: price.outputAudio ?? price.output,
  };
  const starts = Object.values(byBucket).flatMap(({ tiers }) => tiers.map(({ fromInputTokens }) => fromInputTokens));
  const edges = [...new Set([0, ...starts.filter((start) => start > 0)])].sort((one, other) => one - other);
  return edges.map((fromInputTokens, index) => {
    const rates = Object.entries(byBucket).map(([bucket, rate]) => [bucket, rateFor(rate, fromInputTokens)]);
    return {
      fromInputTokens,
      toInputTokens: edges[index + 1] ?? null,
      rates: Object.fromEntries(rates) as PriceBand["rates"],
    };
  });
}

function highest(rates: readonly (TieredRate | undefined)[]): Rate {
  let top = 0n;
  for (const rate of rates) {
    if (rate === undefined) continue;
    if (rate.base > top) top = rate.base;
    for (const tier of rate.tiers) if (tier.rate > top) top = tier.rate;
  }
  return top;
}

/** The dearest rates of a price, nano-USD per million tokens. Kept, because a call is bounded by them each time. */
const bounds = new WeakMap<Price, { input: Rate; output: Rate }>();

function findBounds(price: Price): { input: Rate; output: Rate } {
  let found = bounds.get(price);
  if (found === undefined) {
    found = {
      input: highest([price.input, price.cachedInput, price.cacheWrite, price.inputAudio]),
      output: highest([price.output, price.reasoning, price.outputAudio]),
    };
    bounds.set(price, found);
  }
  return found;
}

/**
 * The most that a call can cost at list price: every input token at the dearest input rate, every output token at the
 * dearest output rate. Used as the amount reserved before the call.
 */
export function makeUpperBound(price: Price, inputTokensMax: number, outputTokensMax: number): NanoUsd {
  const { input, output } = findBounds(price);
  const sum = BigInt(inputTokensMax) * input + BigInt(outputTokensMax) * output;
  return (sum + tokensPerRate - 1n) / tokensPerRate;
}

/** The most output tokens with which {@link makeUpperBound} stays within `amount`; negative where no output fits. */
export function findOutputWithin(price: Price, inputTokensMax: number, amount: NanoUsd): number {
  const { input, output } = findBounds(price);
  const rest = amount * tokensPerRate - BigInt(inputTokensMax) * input;
  if (rest < 0n) return -1;
  return output === 0n ? Number.MAX_SAFE_INTEGER : Number(rest / output);
}
