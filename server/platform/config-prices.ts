import { type FlatRates, makeFlatPrice, rateBuckets, rateFields } from "../core/flat-price.ts";
import type { Price } from "../core/price.ts";
import { type ConfigMistake, formatConfigPath } from "./config-error.ts";
import { type PriceSection, parseExactUsd, priceSchema } from "./config-schema.ts";
import { type ConfigPart, parseSection, parseTable } from "./config-section.ts";

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
  const rates: Partial<FlatRates> = {};
  for (const bucket of rateBuckets) {
    const value = section[rateFields[bucket]];
    const rate = value === undefined ? null : parseExactUsd(value);
    if (rate !== null) rates[bucket] = rate;
  }
  const { input, output } = rates;
  return input === undefined || output === undefined
    ? null
    : makeFlatPrice("config", name, { ...rates, input, output });
}
