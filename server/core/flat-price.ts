import { createHash } from "node:crypto";
import { makeFlatRate, type Price, type Rate } from "./price.ts";

/** What a rate of each token bucket is called in the config file and on the wire. */
export const rateFields = {
  input: "input_usd_per_million",
  output: "output_usd_per_million",
  cachedInput: "cached_input_usd_per_million",
  cacheWrite: "cache_write_usd_per_million",
  hourCacheWrite: "hour_cache_write_usd_per_million",
  reasoning: "reasoning_usd_per_million",
  inputAudio: "input_audio_usd_per_million",
  outputAudio: "output_audio_usd_per_million",
} as const satisfies Record<Exclude<keyof Price, "id">, string>;

export type RateBucket = keyof typeof rateFields;
export const rateBuckets = Object.keys(rateFields) as RateBucket[];

/** Nano-USD per million tokens; a bucket that is left out is charged as its plain direction. */
export type FlatRates = { input: Rate; output: Rate } & Partial<Record<RateBucket, Rate>>;

/**
 * A price without tiers. Its id names the source, the model and the rates: the same rates have the same id, on any machine
 * and at any time, and others have another.
 */
export function makeFlatPrice(source: "config" | "stored", model: string, rates: FlatRates): Price {
  const price: Price = {
    id: makePriceId(source, model, rates),
    input: makeFlatRate(rates.input),
    output: makeFlatRate(rates.output),
  };
  for (const bucket of rateBuckets) {
    const rate = rates[bucket];
    if (rate !== undefined) price[bucket] = makeFlatRate(rate);
  }
  return price;
}

function makePriceId(source: string, model: string, rates: FlatRates): string {
  // A price without the rate that came later has the id that it always had.
  const named = rateBuckets.filter((bucket) => bucket !== "hourCacheWrite" || rates[bucket] !== undefined);
  const text = named.map((bucket) => `${bucket}=${rates[bucket] ?? ""}`).join(";");
  return `${source}:${model}:${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
}
