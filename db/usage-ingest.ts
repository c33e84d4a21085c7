import pg from "pg";
import type postgres from "postgres";
import type { RefusalBatch } from "../server/core/refusal-count.ts";
import type { UsageEvent } from "../server/core/usage-event.ts";
import { copyUsageEvents } from "./queries/copy-usage-events.ts";
import { insertRefusals } from "./queries/insert-refusals.ts";
import { insertUsageEvents, openPartitions } from "./queries/insert-usage-events.ts";

/** PostgreSQL's codes: an event is there already; retention dropped the day that a late event belongs to. */
const notCopied = new Set(["23505", "23514"]);

/**
 * Brings batches of usage events into PostgreSQL over one connection of its own, which is made when it is needed and again
 * after it broke. New events go by COPY; a batch that holds one that is stored already, as after a lost answer, goes the
 * slower way that leaves such events out.
 */
export class UsageIngest {
  readonly #url: string;
  readonly #applicationName: string;
  readonly #sql: postgres.Sql;
  readonly #beforeCommit: () => void;
  #client: pg.Client | null = null;

  /** @param options `sql`: for the slower way; `beforeCommit`: runs inside each transaction of the fast one, last. */
  constructor(options: { url: string; applicationName: string; sql: postgres.Sql; beforeCommit: () => void }) {
    this.#url = options.url;
    this.#applicationName = options.applicationName;
    this.#sql = options.sql;
    this.#beforeCommit = options.beforeCommit;
  }

  /**
   * Writes a batch and its part row in one transaction; idempotent by event id. One call at a time.
   *
   * @param refusals stored with it, once for each of its numbers.
   * @returns how many events were new.
   */
  async insert(process: string, events: readonly UsageEvent[], refusals: RefusalBatch | null = null): Promise<number> {
    if (events.length === 0 && refusals === null) return 0;
    try {
      const client = await this.#connect();
      if (events.length === 0) {
        if (refusals !== null) await insertRefusals(client, process, refusals);
        return 0;
      }
      await openPartitions(this.#sql, events);
      await copyUsageEvents(client, process, events, refusals, this.#beforeCommit);
      return events.length;
    } catch (error) {
      if (error instanceof pg.DatabaseError && notCopied.has(error.code ?? "") && events.length > 0) {
        const added = await insertUsageEvents(this.#sql, process, events);
        if (refusals !== null) await insertRefusals(await this.#connect(), process, refusals);
        return added;
      }
      // Whatever the connection was in the middle of, the next batch begins on a new one.
      if (!(error instanceof pg.DatabaseError)) await this.end();
      throw error;
    }
  }

  async end(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<pg.Client> {
    if (this.#client !== null) return this.#client;
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: this.#applicationName,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    // An idle connection that breaks has no caller to tell; the next batch makes another.
    client.on("error", () => {
      if (this.#client === client) this.#client = null;
    });
    await client.connect();
    this.#client = client;
    return client;
  }
}
