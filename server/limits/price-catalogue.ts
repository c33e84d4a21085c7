import { findProvider } from "@pydantic/genai-prices";
import type { Price } from "../core/price.ts";
import type { PriceBook } from "../core/price-book.ts";
import { providerTypes } from "../core/provider-type.ts";
import { openPriceBook } from "./price-book.ts";

/** A model that the catalogue knows. */
export interface CatalogueModel {
  /** The shorthand under which it can be called here. */
  model: string;
  catalogueId: string;
  upstreamModel: string;
}

/** The catalogue is part of the installation, does not change, and is large: it is read when somebody first asks. */
let opened: { models: readonly CatalogueModel[]; book: PriceBook } | null = null;

function openCatalogue(): NonNullable<typeof opened> {
  opened ??= { models: makeModels(), book: openPriceBook(new Map()) };
  return opened;
}

function makeModels(): CatalogueModel[] {
  return Object.entries(providerTypes)
    .flatMap(([type, { catalogueId }]) => {
      const provider = catalogueId === null ? undefined : findProvider({ providerId: catalogueId });
      if (catalogueId === null || provider?.id !== catalogueId) return [];
      return provider.models.map(({ id }) => ({ model: `${type}::${id}`, catalogueId, upstreamModel: id }));
    })
    .sort((one, other) => (one.model < other.model ? -1 : 1));
}

/** Every model of the catalogue, by provider type and name. */
export function listCatalogueModels(): readonly CatalogueModel[] {
  return openCatalogue().models;
}

/** What the catalogue says that one costs; `null` where that is no price by tokens. */
export function findCataloguePrice({ model, catalogueId, upstreamModel }: CatalogueModel): Price | null {
  return openCatalogue().book.find(catalogueId, upstreamModel, model);
}
