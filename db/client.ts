import postgres from "postgres";
import { UsageIngest } from "./usage-ingest.ts";
import { valueTypes } from "./value-types.ts";

declare module "postgres" {
  /** The library declares its helpers first; each untyped statement was compared with those, a tenth of all type checking. */
  interface ISql<TTypes extends Record<string, unknown>> {
    <T extends readonly (object | undefined)[] = postgres.Row[]>(
      template: TemplateStringsArray,
      ...parameters: readonly postgres.ParameterOrFragment<TTypes[keyof TTypes]>[]
    ): postgres.PendingQuery<T>;
  }
}

/** Connections to PostgreSQL: a bounded pool for queries, and single connections for what must not wait for a pool. */
export interface Database {
  /** The pool. Instants come back as text; parse what you need. */
  sql: postgres.Sql;
  /** A connection of its own, as for LISTEN. The caller ends it. */
  openConnection(purpose: string): postgres.Sql;
  /** A connection of its own for usage events. The caller ends it. `beforeCommit` runs inside each transaction, last. */
  openUsageIngest(beforeCommit?: () => void): UsageIngest;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  /** Where LISTEN connects; it does not survive a pooler in transaction mode. `url` unless given. */
  listenUrl?: string;
  /** Shown in `pg_stat_activity`. */
  applicationName: string;
  /** A database of somebody else's, which is told nothing of tenants. */
  isForeign?: boolean;
  /** Connections of the pool; more wait in line. */
  poolMax?: number;
  onNotice?: (message: string) => void;
}

/** Opens lazily: no connection is made before the first query. */
export function openDatabase(options: DatabaseOptions): Database {
  const open = (purpose: string, max: number): postgres.Sql =>
    postgres(purpose === "listen" ? (options.listenUrl ?? options.url) : options.url, {
      max,
      idle_timeout: max === 1 ? undefined : 60,
      connect_timeout: 5,
      max_lifetime: null,
      fetch_types: false,
      types: valueTypes,
      backoff: (attempt) => Math.min(0.05 * 2 ** attempt, 2) * (0.75 + Math.random() / 2),
      onnotice: (notice) => options.onNotice?.(notice.message ?? ""),
      connection: {
        application_name: `${options.applicationName}:${purpose}`,
        // Whose rows are wanted, where policies ask: everybody's. See migration 0008.
        ...(options.isForeign === true ? {} : { "tollgate.tenant": "*" }),
      },
    });
  const sql = open("pool", options.poolMax ?? 10);
  return {
    sql,
    openConnection: (purpose) => open(purpose, 1),
    openUsageIngest: (beforeCommit = () => undefined) =>
      new UsageIngest({ url: options.url, applicationName: `${options.applicationName}:ingest`, sql, beforeCommit }),
    close: () => sql.end({ timeout: 2 }),
  };
}
