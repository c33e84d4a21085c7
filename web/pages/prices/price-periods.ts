import type { Outputs } from "../../app/api.ts";
import type { PriceView } from "./price-rates.ts";

type Entry = Outputs["audit"]["list"]["entries"][number];

/** A price that was set here, and how long it held. */
export interface PricePeriod {
  id: string;
  model: string;
  price: PriceView;
  from: string;
  /** `null`: it holds. */
  until: string | null;
  by: string;
}

/** The audit's picture of a price; `null` for anything else. */
function readPrice(value: unknown): (NonNullable<PriceView> & { model: string }) | null {
  if (typeof value !== "object" || value === null) return null;
  return "model" in value && "input_usd_per_million" in value && "output_usd_per_million" in value
    ? (value as NonNullable<PriceView> & { model: string })
    : null;
}

/** The prices that were set here, newest first, from what the audit log says of them. @param entries newest first */
export function listPricePeriods(entries: readonly Entry[]): PricePeriod[] {
  const ends = new Map<string, string>();
  return entries.flatMap((entry) => {
    const until = ends.get(entry.object_id) ?? null;
    ends.set(entry.object_id, entry.at);
    const price = readPrice(entry.after);
    return price === null
      ? []
      : [{ id: String(entry.seq), model: price.model, price, from: entry.at, until, by: entry.actor }];
  });
}
