import { migrateDatabase } from "../db/migrate.ts";
import type { Config } from "./platform/config.ts";
import { findEmbeddedPostgres, openEmbeddedPostgres } from "./platform/embedded-postgres/embedded-postgres.ts";
import type { Logger } from "./platform/logger.ts";

export interface Store {
  databaseUrl: string;
  embedded: boolean;
  /** Stops the embedded PostgreSQL, if this process runs it. */
  close(): Promise<void>;
}

/**
 * Opens the database of a server process: the configured one, or the embedded PostgreSQL, which this process then runs.
 * Its schema is brought to this release's.
 */
export async function openStore(config: Config, logger: Logger): Promise<Store> {
  if (config.databaseUrl !== null) {
    const databaseUrl = config.databaseUrl.reveal();
    await migrateDatabase(databaseUrl);
    return { databaseUrl, embedded: false, close: () => Promise.resolve() };
  }
  const postgres = await openEmbeddedPostgres({
    dataDir: config.dataDir,
    onLog: (line) => logger.debug({ line }, "embedded PostgreSQL"),
  });
  try {
    await migrateDatabase(postgres.databaseUrl);
  } catch (error) {
    await postgres.stop();
    throw error;
  }
  return { databaseUrl: postgres.databaseUrl, embedded: true, close: () => postgres.stop() };
}

/**
 * Finds the database for a process beside the one that runs it (workers, the command line); `null` where the embedded
 * PostgreSQL is not running.
 */
export async function findStore(config: Config): Promise<string | null> {
  if (config.databaseUrl !== null) return config.databaseUrl.reveal();
  return (await findEmbeddedPostgres(config.dataDir))?.databaseUrl ?? null;
}
