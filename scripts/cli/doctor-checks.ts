import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { openDatabase } from "../../db/client.ts";
import { findDatabaseFacts } from "../../db/queries/find-database-facts.ts";
import { findSchemaVersion } from "../../db/queries/find-schema-version.ts";
import { openClock } from "../../server/platform/clock.ts";
import type { Config } from "../../server/platform/config.ts";
import { ConfigError } from "../../server/platform/config-error.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { openRedis } from "../../server/platform/redis.ts";
import { findMemoryPolicy } from "../../server/platform/redis-policy.ts";
import { findStore } from "../../server/store.ts";
import type { CliIo } from "./cli-io.ts";
import { parseExit } from "./exit.ts";
import { loadCliConfig } from "./open-admin.ts";

export interface Check {
  name: string;
  status: "ok" | "warn" | "fail";
  detail: string;
}

const openFilesMin = 4_096;
const freeBytesWarn = 1_000_000_000;
const freeBytesFail = 100_000_000;
const skewWarnMs = 2_000;
const postgresMin = 140_000;

/** Looks at everything that a start needs; changes and starts nothing. Without a right configuration only that is told. */
export async function runChecks(io: CliIo, configFile: string | undefined): Promise<Check[]> {
  const openFiles = checkOpenFiles();
  let config: Config;
  try {
    config = loadCliConfig(io, configFile, true);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const mistakes = error.mistakes.map(
      ({ path, found, allowed }): Check => ({
        name: "config",
        status: "fail",
        detail: `${path}: ${found}; ${allowed}`,
      }),
    );
    return [...mistakes, ...openFiles];
  }
  return [
    { name: "config", status: "ok", detail: `hash ${config.configHash}, ${config.models.size} models` },
    ...checkDataFolder(config.dataDir),
    ...openFiles,
    ...(await checkDatabase(config)),
    ...(await checkRedis(config)),
    checkCredentials(config),
  ];
}

function checkDataFolder(dataDir: string): Check[] {
  let place = dataDir;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const checks: Check[] = [];
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
    const open = place === dataDir && (statSync(place).mode & 0o022) !== 0;
    checks.push(
      open
        ? { name: "data folder", status: "warn", detail: `${dataDir} can be written by others; chmod 700 it` }
        : {
            name: "data folder",
            status: "ok",
            detail: place === dataDir ? dataDir : `${dataDir} (made at the first start)`,
          },
    );
  } catch {
    checks.push({ name: "data folder", status: "fail", detail: `${place} cannot be written; set TOLLGATE_DATA_DIR` });
  }
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const status = free < freeBytesFail ? "fail" : free < freeBytesWarn ? "warn" : "ok";
  return [...checks, { name: "free space", status, detail: `${(free / 1e9).toFixed(1)} GB` }];
}

/** Each stream takes two descriptors. Only Linux tells the limit in a file. */
function checkOpenFiles(): Check[] {
  const path = "/proc/self/limits";
  if (!existsSync(path)) return [];
  const text = /^Max open files\s+(\S+)/m.exec(readFileSync(path, "utf8"))?.[1] ?? "unknown";
  const enough = text === "unlimited" || Number(text) >= openFilesMin;
  const advice = enough ? "" : `; raise it to at least ${openFilesMin} (ulimit -n)`;
  return [{ name: "open files", status: enough ? "ok" : "warn", detail: `limit ${text}${advice}` }];
}

async function checkDatabase(config: Config): Promise<Check[]> {
  const url = await findStore(config);
  if (url === null) {
    return [
      { name: "database", status: "warn", detail: "the embedded PostgreSQL is not running; `tollgate start` runs it" },
    ];
  }
  const database = openDatabase({ url, applicationName: "tollgate-doctor", poolMax: 1 });
  try {
    const clock = openClock();
    // The first query opens the connection; the second alone is timed.
    const schema = await findSchemaVersion(database.sql);
    const startedMs = clock.monotonicMs();
    const machineMs = clock.nowMs();
    const facts = await findDatabaseFacts(database.sql);
    const roundTripMs = clock.monotonicMs() - startedMs;
    const skewMs = Math.abs(facts.nowMs - machineMs - roundTripMs / 2);
    const version = `PostgreSQL ${Math.floor(facts.versionNumber / 10_000)}.${facts.versionNumber % 10_000}`;
    const old = facts.versionNumber < postgresMin;
    return [
      {
        name: "database",
        status: old ? "fail" : "ok",
        detail: `${version}, ${roundTripMs.toFixed(1)} ms away, ${facts.connectionsMax} connections${old ? "; needs 14 or newer" : ""}`,
      },
      checkSchema(schema),
      {
        name: "clock",
        status: skewMs > skewWarnMs ? "warn" : "ok",
        detail: `${skewMs.toFixed(0)} ms from the database's, which decides`,
      },
    ];
  } catch (error) {
    return [{ name: "database", status: "fail", detail: parseExit(error).message }];
  } finally {
    await database.close();
  }
}

function checkSchema({ applied, known }: { applied: number; known: number }): Check {
  const detail = `${applied} of ${known} migrations`;
  if (applied < known) return { name: "migrations", status: "warn", detail: `${detail}; run \`tollgate migrate\`` };
  if (applied > known) return { name: "migrations", status: "fail", detail: `${detail}; a newer release was here` };
  return { name: "migrations", status: "ok", detail };
}

async function checkRedis(config: Config): Promise<Check[]> {
  if (config.redisUrl === null) return [{ name: "redis", status: "ok", detail: "not configured: one gateway process" }];
  const clock = openClock();
  const logger = openLogger({ ...config.log, level: "silent" }, { write: () => undefined });
  const redis = openRedis({ url: config.redisUrl, name: "tollgate-doctor", waits: false, logger, clock });
  try {
    await redis.connect();
    const version = /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1] ?? "0";
    const { policy, evicts } = await findMemoryPolicy(redis);
    const [major = 0, minor = 0] = version.split(".").map(Number);
    const old = major < 6 || (major === 6 && minor < 2);
    return [
      { name: "redis", status: old ? "fail" : "ok", detail: `Redis ${version}${old ? "; needs 6.2 or newer" : ""}` },
      {
        name: "redis policy",
        status: evicts ? "fail" : "ok",
        detail: `maxmemory-policy ${policy}${evicts ? "; set noeviction, else Redis throws away queues and limits" : ""}`,
      },
    ];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [{ name: "redis", status: "fail", detail: `cannot be reached (${reason}); check REDIS_URL` }];
  } finally {
    redis.disconnect();
  }
}

/** A model of the config file without its credential stops the start; of the defaults, some are enough. */
function checkCredentials(config: Config): Check {
  const defaults = [...config.shorthands.values()].filter((provider) => provider.type !== "echo");
  const ready = defaults.filter((provider) => provider.credential !== null).map((provider) => provider.type);
  const configured = [...config.models.values()].flatMap((model) => model.providers).length;
  if (ready.length === 0 && configured === 0) {
    return {
      name: "credentials",
      status: "warn",
      detail: "no provider has one; only echo::* answers (set OPENAI_API_KEY or another)",
    };
  }
  return {
    name: "credentials",
    status: "ok",
    detail: `defaults: ${ready.join(", ") || "none"}; ${configured} configured providers`,
  };
}
