import { type Database, openDatabase } from "../../db/client.ts";
import { findSchemaVersion } from "../../db/queries/find-schema-version.ts";
import { type Config, loadConfig } from "../../server/platform/config.ts";
import { type Logger, openLogger } from "../../server/platform/logger.ts";
import { findStore, openStore } from "../../server/store.ts";
import { CliFailure, type CliIo } from "./cli-io.ts";
import { exitFailed } from "./exit.ts";
import type { AdminCaller } from "./system-caller.ts";

/** Reads the configuration as the server would. */
export function loadCliConfig(io: CliIo, configFile: string | undefined, readOnly = false): Config {
  return loadConfig({ env: io.env, readOnly, ...(configFile === undefined ? {} : { configFile }) });
}

/** Standard output is the command's own; the log goes to standard error, and only when it is asked for. */
export function openCliLogger(io: CliIo, config: Config): Logger {
  const level = io.env.TOLLGATE_DEBUG === "1" ? "debug" : "silent";
  return openLogger({ ...config.log, level }, { write: (line) => io.error(line) });
}

/** What is open for as long as a command works. */
export interface CliStore {
  database: Database;
  config: Config;
  logger: Logger;
}

/**
 * Runs `work` with every admin procedure, as the system: whoever can run this beside the database may do everything. The
 * database is the configured one, the embedded one that runs, or, where none runs, the embedded one for as long as `work` takes.
 */
export async function runAsSystem<T>(
  io: CliIo,
  configFile: string | undefined,
  work: (admin: AdminCaller, store: CliStore) => Promise<T>,
): Promise<T> {
  const config = loadCliConfig(io, configFile);
  const logger = openCliLogger(io, config);
  const running = await findStore(config);
  const store = running === null ? await openStore(config, logger) : null;
  const url = running ?? store?.databaseUrl ?? "";
  const database = openDatabase({ url, applicationName: "tollgate-cli", poolMax: 2 });
  let opened: { admin: AdminCaller; close(): Promise<void> } | null = null;
  try {
    await requireSchema(database);
    // All procedures take a second to load: help, completion and checks do without them.
    const { openSystemCaller } = await import("./system-caller.ts");
    opened = await openSystemCaller({ database, config, logger });
    return await work(opened.admin, { database, config, logger });
  } finally {
    await opened?.close();
    await database.close();
    await store?.close();
  }
}

async function requireSchema(database: Database): Promise<void> {
  const { applied, known } = await findSchemaVersion(database.sql);
  if (applied < known) {
    throw new CliFailure(
      exitFailed,
      `The database lacks ${known - applied} of ${known} migrations. Run \`tollgate migrate\`, or start the server once.`,
    );
  }
}
