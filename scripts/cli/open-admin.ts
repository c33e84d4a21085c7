import { randomBytes } from "node:crypto";
import { type Database, openDatabase } from "../../db/client.ts";
import { findDatabaseFacts } from "../../db/queries/find-database-facts.ts";
import { findSchemaVersion } from "../../db/queries/find-schema-version.ts";
import type { ProbeProvider } from "../../server/admin/context.ts";
import { makeCaller } from "../../server/admin/router.ts";
import { CredentialVault } from "../../server/keys/credential-vault.ts";
import { openClock } from "../../server/platform/clock.ts";
import { type Config, loadConfig } from "../../server/platform/config.ts";
import { type Logger, openLogger } from "../../server/platform/logger.ts";
import { openProviders } from "../../server/providers/registry.ts";
import { makeProbeProvider } from "../../server/proxy/probe-provider.ts";
import { findStore, openStore } from "../../server/store.ts";
import { CliFailure, type CliIo } from "./cli-io.ts";
import { exitFailed } from "./exit.ts";

export type AdminCaller = ReturnType<typeof makeCaller>;

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
  const clock = openClock();
  const providers = openProviders({ clock });
  try {
    await requireSchema(database);
    const sentAtMs = clock.monotonicMs();
    const { nowMs } = await findDatabaseFacts(database.sql);
    clock.setDatabaseTime(nowMs, sentAtMs, clock.monotonicMs());
    const origin = { ip: "", requestId: "" };
    const vault = new CredentialVault({ database, clock, logger, config });
    const probeProvider: ProbeProvider = (probe) => makeProbeProvider({ vault, providers, clock })(probe);
    const caller = { kind: "system" as const, actor: "cli" as const };
    const admin = makeCaller({ caller, origin, database, clock, config, logger, randomBytes, probeProvider });
    return await work(admin, { database, config, logger });
  } finally {
    await providers.close();
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
