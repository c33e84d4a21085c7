import { createHash } from "node:crypto";
import { makeFlatRate, type Price, type Rate } from "../core/price.ts";
import { type ConfigMistake, formatConfigPath } from "./config-error.ts";
import { type PriceSection, parseExactUsd, priceSchema } from "./config-schema.ts";
import { type ConfigPart, parseSection, parseTable } from "./config-section.ts";

const buckets = {
  input: "input_usd_per_million",
  output: "output_usd_per_million",
  cachedInput: "cached_input_usd_per_million",
  cacheWrite: "cache_write_usd_per_million",
  reasoning: "reasoning_usd_per_million",
  inputAudio: "input_audio_usd_per_million",
  outputAudio: "output_audio_usd_per_million",
} as const satisfies Record<Exclude<keyof Price, "id">, keyof PriceSection>;

type Bucket = keyof typeof buckets;

/**
 * Reads `[prices]`, exactly, into nano-USD per million tokens.
 *
 * @param isModelName says whether a name can be called at all; a price for any other name is a mistake.
 */
export function parsePrices(
  part: ConfigPart,
  isModelName: (name: string) => boolean,
  mistakes: ConfigMistake[],
): ReadonlyMap<string, Price> {
  const prices = new Map<string, Price>();
  for (const entry of parseTable(part, mistakes)) {
    if (!isModelName(entry.name)) {
      mistakes.push({
        path: formatConfigPath(entry.part.path),
        found: "no such model",
        allowed: "a name from [models.*], or a shorthand such as openai::gpt-5-mini",
      });
    }
    const section = parseSection(priceSchema, entry.part, mistakes);
    if (section === null) continue;
    const price = parsePrice(entry.name, section);
    if (price !== null) prices.set(entry.name, price);
  }
  return prices;
}

function parsePrice(name: string, section: PriceSection): Price | null {
  const rates: Partial<Record<Bucket, Rate>> = {};
  for (const bucket of Object.keys(buckets) as Bucket[]) {
    const value = section[buckets[bucket]];
    const rate = value === undefined ? null : parseExactUsd(value);
    if (rate !== null) rates[bucket] = rate;
  }
  const { input, output } = rates;
  if (input === undefined || output === undefined) return null;
  const price: Price = { id: makePriceId(name, rates), input: makeFlatRate(input), output: makeFlatRate(output) };
  for (const bucket of ["cachedInput", "cacheWrite", "reasoning", "inputAudio", "outputAudio"] as const) {
    const rate = rates[bucket];
    if (rate !== undefined) price[bucket] = makeFlatRate(rate);
  }
  return price;
}

/** The same rates give the same id, in any order and on any machine. */
function makePriceId(name: string, rates: Partial<Record<Bucket, Rate>>): string {
  const text = (Object.keys(buckets) as Bucket[]).map((bucket) => `${bucket}=${rates[bucket] ?? ""}`).join(";");
  return `config:${name}:${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
}
