import type { Price } from "./price.ts";

/** Says what a call costs at list price. */
export interface PriceBook {
  /**
   * @param catalogueId of the provider's type; `null` where no catalogue lists it.
   * @param upstreamModel the model's name as the provider knows it.
   * @param modelName the model's name here; an override for it wins.
   * @returns `null` where nobody knows: unpriced, which is not zero.
   */
  find(catalogueId: string | null, upstreamModel: string, modelName: string): Price | null;
}
