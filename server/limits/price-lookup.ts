import { parseShorthand } from "../core/model-name.ts";
import type { Price } from "../core/price.ts";
import type { PriceBook } from "../core/price-book.ts";
import { providerTypes } from "../core/provider-type.ts";
import type { Config, ProviderConfig } from "../platform/config.ts";

type Models = Pick<Config, "models" | "shorthands">;

/** Where a catalogue has the price of a model at one of its providers. */
export interface PricePlace {
  provider: string;
  catalogueId: string | null;
  upstreamModel: string;
}

/** Every provider of a model by its name here, in routing order; empty where this configuration does not know the model. */
export function listPricePlaces(config: Models, model: string): PricePlace[] {
  const configured = config.models.get(model);
  if (configured !== undefined) {
    return configured.providers.map((provider) => makePlace(provider, provider.modelName ?? model));
  }
  const shorthand = parseShorthand(model);
  const provider = shorthand === null ? undefined : config.shorthands.get(shorthand.type);
  return provider === undefined || shorthand === null ? [] : [makePlace(provider, shorthand.model)];
}

function makePlace(provider: ProviderConfig, upstreamModel: string): PricePlace {
  return { provider: provider.name, catalogueId: providerTypes[provider.type].catalogueId, upstreamModel };
}

/**
 * What a call of that model that this provider answered would cost now. A provider that is not configured any more has no
 * other price than one by the model's name.
 */
export function findEventPrice(config: Models, book: PriceBook, model: string, provider: string): Price | null {
  const place = listPricePlaces(config, model).find((candidate) => candidate.provider === provider);
  return book.find(place?.catalogueId ?? null, place?.upstreamModel ?? model, model);
}
