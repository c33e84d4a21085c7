import type { Price } from "./price.ts";
import type { PriceBook } from "./price-book.ts";

/** The same book with prices by model name that win over its own. Layers: the last one that was put on wins. */
export function overridePrices(book: PriceBook, overrides: ReadonlyMap<string, Price>): PriceBook {
  return {
    find: (catalogueId, upstreamModel, modelName) =>
      overrides.get(modelName) ?? book.find(catalogueId, upstreamModel, modelName),
  };
}
