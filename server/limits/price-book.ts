import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { calcPrice } from "@pydantic/genai-prices";
import { LRUCache } from "lru-cache";
import { parseUsd } from "../core/money.ts";
import { makeFlatRate, type Price, type TieredRate } from "../core/price.ts";
import type { PriceBook } from "../core/price-book.ts";

type Found = NonNullable<ReturnType<typeof calcPrice>>;
type CatalogueRate = Found["model_price"][string];

/** Names of models come from clients as well (`openai::ANYTHING`), so what is remembered is bounded. */
const entriesMax = 10_000;

const echoPrice: Price = {
  id: "builtin:echo",
  input: makeFlatRate(1_000_000_000n),
  output: makeFlatRate(2_000_000_000n),
};

/** Opens the price catalogue, which is part of the installation: no network. `overrides` are by model name. */
export function openPriceBook(overrides: ReadonlyMap<string, Price>): PriceBook {
  const known = new LRUCache<string, { price: Price | null }>({ max: entriesMax });
  const source = `genai-prices@${loadCatalogueVersion()}`;
  return {
    find(catalogueId, upstreamModel, modelName) {
      const override = overrides.get(modelName);
      if (override !== undefined) return override;
      if (catalogueId === "echo") return echoPrice;
      if (catalogueId === null) return null;
      const key = `${catalogueId}\n${upstreamModel}`;
      let entry = known.get(key);
      if (entry === undefined) {
        entry = { price: findInCatalogue(source, catalogueId, upstreamModel) };
        known.set(key, entry);
      }
      return entry.price;
    },
  };
}

function loadCatalogueVersion(): string {
  // The package does not export its package.json, which is beside its dist folder.
  const entry = createRequire(import.meta.url).resolve("@pydantic/genai-prices");
  const text = readFileSync(join(dirname(entry), "../package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function findInCatalogue(source: string, catalogueId: string, upstreamModel: string): Price | null {
  const found = calcPrice({ input_tokens: 1 }, upstreamModel, { providerId: catalogueId });
  if (found === null || found.provider.id !== catalogueId) return null;
  const rates = found.model_price;
  const input = parseRate(rates.input_mtok);
  const output = rates.output_mtok === undefined ? outputWithoutRate(rates) : parseRate(rates.output_mtok);
  if (input === null || output === null) return null;
  const price: Price = { id: `${source}:${catalogueId}:${found.model.id}${formatSince(found)}`, input, output };
  const extra = {
    cachedInput: rates.cache_read_mtok,
    cacheWrite: rates.cache_write_mtok,
    reasoning: rates.output_reasoning_mtok,
    inputAudio: rates.input_audio_mtok,
    outputAudio: rates.output_audio_mtok,
  };
  for (const [bucket, value] of Object.entries(extra) as [keyof typeof extra, CatalogueRate][]) {
    if (value === undefined) continue;
    const rate = parseRate(value);
    if (rate === null) return null;
    price[bucket] = rate;
  }
  return price;
}

/** Embeddings have no output. A model that has output, but none that this price could charge, is unpriced. */
function outputWithoutRate(rates: Found["model_price"]): TieredRate | null {
  return Object.keys(rates).some((key) => key.startsWith("output_")) ? null : makeFlatRate(0n);
}

/** A price that changes at a date is named by the date from which it holds. */
function formatSince({ model, model_price }: Found): string {
  if (!Array.isArray(model.prices)) return "";
  const constraint = model.prices.find((candidate) => candidate.prices === model_price)?.constraint;
  if (constraint === undefined) return "";
  return constraint.type === "start_date"
    ? `@${constraint.start_date}`
    : `@${constraint.start_time}-${constraint.end_time}`;
}

/** USD per million tokens, exactly; `null` where it is missing or not a price. */
function parseRate(value: CatalogueRate): TieredRate | null {
  if (value === undefined) return null;
  const base = parseUsd(typeof value === "number" ? value : value.base);
  if (base === null) return null;
  if (typeof value === "number") return makeFlatRate(base);
  const tiers: { fromInputTokens: number; rate: bigint }[] = [];
  for (const tier of [...value.tiers].sort((a, b) => a.start - b.start)) {
    const rate = parseUsd(tier.price);
    if (rate === null || !Number.isSafeInteger(tier.start)) return null;
    // The catalogue's tiers rule above their start, ours from it on.
    tiers.push({ fromInputTokens: tier.start + 1, rate });
  }
  return { base, tiers };
}
