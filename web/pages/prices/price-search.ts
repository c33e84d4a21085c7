import { pickText } from "../../format/pick-text.ts";

export const priceViews = ["all", "unpriced", "stored"] as const;
export type PriceFilter = (typeof priceViews)[number];

/** What the address of the page holds. */
export interface PriceSearch {
  /** Words of the model's name. */
  q?: string;
  /** All unless it is said. */
  show?: PriceFilter;
  /** Words for the catalogue. */
  catalogue?: string;
}

export function parsePriceSearch(search: Record<string, unknown>): PriceSearch {
  const q = pickText(search["q"]);
  const show = priceViews.find((each) => each === search["show"]);
  const catalogue = pickText(search["catalogue"]);
  return {
    ...(q === undefined ? {} : { q }),
    ...(show === undefined ? {} : { show }),
    ...(catalogue === undefined ? {} : { catalogue }),
  };
}
