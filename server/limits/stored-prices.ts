import type { Database } from "../../db/client.ts";
import { listModelPrices, type StoredModelPrice } from "../../db/queries/model-prices.ts";
import type { Price } from "../core/price.ts";
import { parseStoredPrice } from "../core/price-schema.ts";
import type { Clock } from "../platform/clock.ts";
import type { Logger } from "../platform/logger.ts";
import { ChangeReader } from "./change-reader.ts";

export interface StoredPricesOptions {
  database: Database;
  clock: Clock;
  logger: Logger;
  /** Called with all of them, by model name, after each read. */
  onPrices: (prices: ReadonlyMap<string, Price>) => void;
}

/** Keeps a process told of the prices that admins stored: within a second of a change, and at once with all of them. */
export function makeStoredPrices({ database, clock, logger, onPrices }: StoredPricesOptions): ChangeReader {
  return new ChangeReader({
    clock,
    load: async () => onPrices(parsePrices(await listModelPrices(database.sql), logger)),
    onFailure: (error) => {
      logger.warn({ err: error }, "stored prices could not be read; the ones that were read before hold");
    },
  });
}

/** Prices by model name; a row that cannot be read is told and left out. */
export function parsePrices(rows: readonly StoredModelPrice[], logger: Logger): Map<string, Price> {
  const prices = new Map<string, Price>();
  for (const { id, model, body } of rows) {
    try {
      prices.set(model, parseStoredPrice(model, body));
    } catch (error) {
      // Typed by hand, or of a newer release: nothing of this one writes such a row.
      logger.error({ err: error, price: id, model }, "a stored price cannot be read and does not hold");
    }
  }
  return prices;
}
