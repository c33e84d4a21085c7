import type { ModelUse } from "../../../db/queries/list-used-models.ts";
import type { StoredModelPrice } from "../../../db/queries/model-prices.ts";
import type { Price } from "../../core/price.ts";
import type { PriceBook } from "../../core/price-book.ts";
import { type ModelPriceView, makePriceView } from "../../core/price-schema.ts";
import { openPriceBook } from "../../limits/price-book.ts";
import { listPricePlaces, type PricePlace } from "../../limits/price-lookup.ts";
import { parsePrices } from "../../limits/stored-prices.ts";
import type { Config } from "../../platform/config.ts";
import type { Logger } from "../../platform/logger.ts";
import { makeStoredPriceView } from "./stored-price-view.ts";

/** Every model that is configured, was used, or has a stored price: those of the config file in its order, then the others by name. */
export function makeModelPriceViews(
  config: Pick<Config, "models" | "shorthands" | "prices">,
  stored: readonly StoredModelPrice[],
  uses: readonly ModelUse[],
  logger: Logger,
): ModelPriceView[] {
  const catalogue = openPriceBook(new Map());
  const storedPrices = parsePrices(stored, logger);
  const readable = new Map(stored.filter(({ model }) => storedPrices.has(model)).map((row) => [row.model, row]));
  const others = [...new Set([...uses.map(({ model }) => model), ...readable.keys(), ...config.prices.keys()])];
  const names = [...config.models.keys(), ...others.filter((model) => !config.models.has(model)).sort()];
  return names.map((model) => {
    const row = readable.get(model);
    const own = uses.filter((use) => use.model === model);
    const layers = { stored: storedPrices.get(model) ?? null, config: config.prices.get(model) ?? null };
    const providers = listPlaces(config, model, own).map((place) => makeProviderView(place, layers, catalogue, model));
    return {
      model,
      configured: config.models.has(model),
      stored: row === undefined ? null : makeStoredPriceView(row),
      config: makeView(layers.config),
      providers,
      unpriced: providers.some(({ effective }) => effective === null),
      recent: makeRecentView(own),
    };
  });
}

type Place = Omit<PricePlace, "upstreamModel"> & { upstreamModel: string | null };

/** The providers of now, then those that were used and are not configured any more. */
function listPlaces(config: Pick<Config, "models" | "shorthands">, model: string, uses: readonly ModelUse[]): Place[] {
  const places: Place[] = listPricePlaces(config, model);
  for (const { provider } of uses) {
    if (places.some((place) => place.provider === provider)) continue;
    places.push({ provider, catalogueId: null, upstreamModel: null });
  }
  return places;
}

function makeProviderView(
  { provider, catalogueId, upstreamModel }: Place,
  layers: { stored: Price | null; config: Price | null },
  catalogue: PriceBook,
  model: string,
): ModelPriceView["providers"][number] {
  const listed = upstreamModel === null ? null : catalogue.find(catalogueId, upstreamModel, model);
  const effective = layers.stored ?? layers.config ?? listed;
  return {
    provider,
    upstream_model: upstreamModel,
    catalogue: makeView(listed),
    effective: makeView(effective),
    source:
      effective === null
        ? null
        : effective === layers.stored
          ? "stored"
          : effective === layers.config
            ? "config"
            : "catalogue",
  };
}

function makeView(price: Price | null) {
  return price === null ? null : makePriceView(price);
}

function makeRecentView(uses: readonly ModelUse[]): ModelPriceView["recent"] {
  if (uses.length === 0) return null;
  return {
    requests: uses.reduce((sum, { requests }) => sum + requests, 0),
    unpriced_requests: uses.reduce((sum, { unpricedRequests }) => sum + unpricedRequests, 0),
    last_used_at: new Date(Math.max(...uses.map(({ lastUsedAt }) => lastUsedAt.getTime()))).toISOString(),
  };
}
