import type postgres from "postgres";
import { listModelPrices } from "../../db/queries/model-prices.ts";
import { listPriceGroups, type Repricing, type RerateRange } from "../../db/queries/rerated-events.ts";
import { overridePrices } from "../core/override-prices.ts";
import { makePriceBands } from "../core/price.ts";
import type { PriceBook } from "../core/price-book.ts";
import type { Config } from "../platform/config.ts";
import type { Logger } from "../platform/logger.ts";
import { openPriceBook } from "./price-book.ts";
import { findEventPrice } from "./price-lookup.ts";
import { parsePrices } from "./stored-prices.ts";

/** What prices hang on, besides the ones that are stored. */
export type PriceConfig = Pick<Config, "models" | "shorthands" | "prices">;

const dayMs = 86_400_000;

/** The prices of now, as every gateway with this config has them. */
export async function loadPriceBook(sql: postgres.Sql, config: PriceConfig, logger: Logger): Promise<PriceBook> {
  const stored = parsePrices(await listModelPrices(sql), logger);
  return overridePrices(overridePrices(openPriceBook(new Map()), config.prices), stored);
}

/** What becomes of the events of a range. */
export interface RerateDay {
  repricings: Repricing[];
  /** Events without a price, then and now. */
  unpriced: number;
  /** Events of which no provider told the tokens: no price says anything of them. */
  reserved: number;
}

/** Finds the events of a range whose price is another one now. */
export async function findRepricings(
  sql: postgres.Sql | postgres.TransactionSql,
  range: RerateRange,
  config: PriceConfig,
  book: PriceBook,
): Promise<RerateDay> {
  const day: RerateDay = { repricings: [], unpriced: 0, reserved: 0 };
  for (const group of await listPriceGroups(sql, range)) {
    const price = findEventPrice(config, book, group.model, group.provider);
    if (price === null) day.unpriced += group.unpriced;
    else if (price.id !== group.priceId) {
      day.reserved += group.reserved;
      day.repricings.push({
        model: group.model,
        provider: group.provider,
        priceId: group.priceId,
        newPriceId: price.id,
        bands: makePriceBands(price),
      });
    }
  }
  return day;
}

/** The instant at which the UTC day of that instant ends, or `to` where that is before. */
export function findStepEnd(at: Date, to: Date): Date {
  const end = (Math.floor(at.getTime() / dayMs) + 1) * dayMs;
  return new Date(Math.min(end, to.getTime()));
}
