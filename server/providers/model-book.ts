import { overridePrices } from "../core/override-prices.ts";
import type { Price } from "../core/price.ts";
import type { PriceBook } from "../core/price-book.ts";
import type { Config } from "../platform/config.ts";
import { type HealthBook, openHealthBook } from "./health-book.ts";
import { type ModelTable, openModelTable } from "./model-table.ts";

/**
 * The models that can be called now, at the prices of now. A change makes a new table and puts it in the place of the old one;
 * a call that has its model goes on with what that model was.
 */
export class ModelBook implements ModelTable {
  readonly #catalogue: PriceBook;
  readonly #health: HealthBook;
  #config: Config;
  #stored: ReadonlyMap<string, Price> = new Map();
  #table: ModelTable;

  /** @param catalogue what is left where neither an admin nor the config file says a price. @param health kept over a change. */
  constructor(config: Config, catalogue: PriceBook, health: HealthBook = openHealthBook()) {
    this.#config = config;
    this.#catalogue = catalogue;
    this.#health = health;
    this.#table = this.#makeTable();
  }

  /** See {@link ModelTable.find}. */
  find(name: string): ReturnType<ModelTable["find"]> {
    return this.#table.find(name);
  }

  list(): readonly string[] {
    return this.#table.list();
  }

  /** The prices that admins stored, by model name: all of them. */
  setStored(prices: ReadonlyMap<string, Price>): void {
    if (isSame(this.#stored, prices)) return;
    this.#stored = prices;
    this.#table = this.#makeTable();
  }

  /** The models and prices of a config file that was read anew. */
  setConfig(config: Config): void {
    this.#config = config;
    this.#table = this.#makeTable();
  }

  #makeTable(): ModelTable {
    return openModelTable(
      this.#config,
      overridePrices(overridePrices(this.#catalogue, this.#config.prices), this.#stored),
      this.#health,
    );
  }
}

/** The id of a price names its rates. */
function isSame(one: ReadonlyMap<string, Price>, other: ReadonlyMap<string, Price>): boolean {
  return one.size === other.size && [...one].every(([model, { id }]) => other.get(model)?.id === id);
}
