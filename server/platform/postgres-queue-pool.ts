import { type PgPool, type PgPoolClient, type PgQueryResult, runMigrations } from "bullmq";
import pg from "pg";
import type { Secret } from "../core/secret.ts";
import { waitFor } from "./backoff.ts";

const schema = "bullmq";
/** BullMQ asks again at once after most failures: 50,000 errors in 143 ms were seen. So a failure takes its time here. */
const failureDelayMs = 500;

export interface QueuePoolOptions {
  url: Secret;
  /** Workers that will be opened: each holds one connection for LISTEN. */
  workersMax: number;
  onError: (error: Error) => void;
}

/** The one bounded pool under all queues and workers of this process. No connection is made before the first query. */
export class QueuePool implements PgPool {
  /** BullMQ reads from here that a dropped LISTEN connection will be noticed. */
  readonly options = { keepAlive: true };
  readonly #pool: pg.Pool;

  constructor({ url, workersMax, onError }: QueuePoolOptions) {
    this.#pool = new pg.Pool({
      connectionString: url.reveal(),
      options: `-c search_path=${schema} -c statement_timeout=30000`,
      application_name: "tollgate:queues",
      // LISTEN of each worker; and for each worker one query of its loop and one of its lock renewal or stall check.
      max: workersMax * 3 + 2,
      connectionTimeoutMillis: 5_000,
      query_timeout: 30_000,
      idleTimeoutMillis: 30_000,
      ...this.options,
      keepAliveInitialDelayMillis: 10_000,
    });
    this.#pool.on("error", onError);
  }

  async query<R>(text: string, values?: readonly unknown[]): Promise<PgQueryResult<R>> {
    try {
      const result: pg.QueryResult = await this.#pool.query(text, values === undefined ? undefined : [...values]);
      return result;
    } catch (error) {
      // Its own refusals (a lost lock, a missing run) are answers, not failures.
      if (!isRefusal(error)) await waitFor(failureDelayMs * (0.75 + Math.random() / 2));
      throw error;
    }
  }

  connect(): Promise<PgPoolClient> {
    // The driver's own client; only the overloads of `on` are written otherwise.
    return this.#pool.connect() as Promise<pg.PoolClient & PgPoolClient>;
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  /** Each queue and worker would listen for the same errors of idle connections; `onError` hears them once. */
  on(): this {
    return this;
  }

  removeAllListeners(): this {
    return this;
  }

  /** Brings BullMQ's own tables to this release's. One process at a time; a no-op when they are there. */
  async migrate(): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await runMigrations(client, schema);
      client.release();
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("BM");
}
