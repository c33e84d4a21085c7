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
  /** Of tokens that are cached for an hour; as dear against `cacheWrite` as Anthropic has them, unless given. */
  hourCacheWrite?: TieredRate;
  reasoning?: TieredRate;
  inputAudio?: TieredRate;
  outputAudio?: TieredRate;
}

const tokensPerRate = 1_000_000n;

/** Anthropic charges twice the input for what it keeps for an hour, and 5/4 of it for five minutes. */
const hourToShort = { times: 8n, by: 5n };

/** The rate of tokens that are cached for an hour. */
function findHourRate(price: Price): TieredRate {
  if (price.hourCacheWrite !== undefined) return price.hourCacheWrite;
  if (price.cacheWrite === undefined) return price.input;
  const make = (rate: Rate): Rate => (rate * hourToShort.times) / hourToShort.by;
  const { base, tiers } = price.cacheWrite;
  return { base: make(base), tiers: tiers.map((tier) => ({ ...tier, rate: make(tier.rate) })) };
}

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
  if (usage.hourCacheWriteTokens > 0) {
    const more = rateFor(findHourRate(price), inputAll) - rateFor(price.cacheWrite ?? price.input, inputAll);
    sum += BigInt(usage.hourCacheWriteTokens) * more;
  }
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
  /**
   * One for each number of {@link TokenUsage}, those without a rate of their own filled in. That of a part of a bucket is what it
   * costs beyond the rate of the bucket.
   */
  rates: Record<keyof TokenUsage, Rate>;
}

/** A price as bands of flat rates, the smallest calls first: {@link makeCharge} for those who cannot call it, such as a query. */
export function makePriceBands(price: Price): PriceBand[] {
  const byBucket: Record<keyof TokenUsage, TieredRate> = {
    inputTokens: price.input,
    outputTokens: price.output,
    cachedInputTokens: price.cachedInput ?? price.input,
    cacheWriteTokens: price.cacheWrite ?? price.input,
    hourCacheWriteTokens: findHourRate(price),
    reasoningTokens: price.reasoning ?? price.output,
    inputAudioTokens: price.inputAudio ?? price.input,
    outputAudioTokens: price.outputAudio ?? price.output,
  };
  const starts = Object.values(byBucket).flatMap(({ tiers }) => tiers.map(({ fromInputTokens }) => fromInputTokens));
  const edges = [...new Set([0, ...starts.filter((start) => start > 0)])].sort((one, other) => one - other);
  return edges.map((fromInputTokens, index) => {
    const list = Object.entries(byBucket).map(([bucket, rate]) => [bucket, rateFor(rate, fromInputTokens)]);
    const rates = Object.fromEntries(list) as PriceBand["rates"];
    rates.hourCacheWriteTokens -= rates.cacheWriteTokens;
    return { fromInputTokens, toInputTokens: edges[index + 1] ?? null, rates };
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
const bounds = new WeakMap<Price, { input: Rate; hourInput: Rate; output: Rate }>();

function findBounds(price: Price): { input: Rate; hourInput: Rate; output: Rate } {
  let found = bounds.get(price);
  if (found === undefined) {
    const input = highest([price.input, price.cachedInput, price.cacheWrite, price.inputAudio]);
    const hour = highest([findHourRate(price)]);
    found = {
      input,
      hourInput: hour > input ? hour : input,
      output: highest([price.output, price.reasoning, price.outputAudio]),
    };
    bounds.set(price, found);
  }
  return found;
}

/**
 * The most that a call can cost at list price: every input token at the dearest input rate, every output token at the
 * dearest output rate. Used as the amount reserved before the call.
 *
 * @param isHourCached it asks the provider to keep parts of its input for an hour.
 */
export function makeUpperBound(
  price: Price,
  inputTokensMax: number,
  outputTokensMax: number,
  isHourCached = false,
): NanoUsd {
  const { input, hourInput, output } = findBounds(price);
  const sum = BigInt(inputTokensMax) * (isHourCached ? hourInput : input) + BigInt(outputTokensMax) * output;
  return (sum + tokensPerRate - 1n) / tokensPerRate;
}

/** The most output tokens with which {@link makeUpperBound} stays within `amount`; negative where no output fits. */
export function findOutputWithin(price: Price, inputTokensMax: number, amount: NanoUsd, isHourCached = false): number {
  const { input, hourInput, output } = findBounds(price);
  const rest = amount * tokensPerRate - BigInt(inputTokensMax) * (isHourCached ? hourInput : input);
  if (rest < 0n) return -1;
  return output === 0n ? Number.MAX_SAFE_INTEGER : Number(rest / output);
}
