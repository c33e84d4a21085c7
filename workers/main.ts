import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDatabase } from "../db/client.ts";
import { migrateDatabase } from "../db/migrate.ts";
import { Secret } from "../server/core/secret.ts";
import type { PriceConfig } from "../server/limits/rerate-plan.ts";
import { openClock } from "../server/platform/clock.ts";
import { type Config, loadProcessConfig, loadProcessFailpoint } from "../server/platform/config.ts";
import { findEmbeddedPostgres } from "../server/platform/embedded-postgres/embedded-postgres.ts";
import { setFailpoint } from "../server/platform/failpoint.ts";
import { listenForHangup } from "../server/platform/hangup.ts";
import { type Logger, openLogger } from "../server/platform/logger.ts";
import { openMetrics } from "../server/platform/metrics.ts";
import { openQueues } from "../server/platform/queues.ts";
import { openShutdown } from "../server/platform/shutdown.ts";
import type { WorkerMessage } from "../server/platform/worker-message.ts";
import { openWorkers } from "./open-workers.ts";

/** How long running jobs may go on after a stop; then they go back to their queue. */
const jobGraceMs = 5_000;
const stateEveryMs = 1_000;

export interface StartWorkersOptions {
  /** Path of `tollgate.toml`. */
  configFile?: string;
}

/**
 * Runs the workers in this process until it is told to end. As the child of a gateway (it has a channel to its parent) it
 * reports there and ends with it; alone (`TOLLGATE_ROLE=worker`) it brings the schema to this release's first.
 *
 * @throws ConfigError; an error that says so where no database is configured and none runs here; what PostgreSQL answers.
 */
export async function startWorkers(options: StartWorkersOptions): Promise<void> {
  const isChild = process.send !== undefined;
  const config = loadProcessConfig({ ...options, readOnly: isChild });
  setFailpoint(loadProcessFailpoint(config));
  const logger = openLogger(config.log).child({ role: "worker" });
  const databaseUrl = await findDatabaseUrl(config);
  if (!isChild) await migrateDatabase(databaseUrl);

  const clock = openClock();
  const metrics = openMetrics();
  const tell = (message: WorkerMessage): void => {
    // A parent that is gone is noticed by its own event.
    if (process.connected) process.send?.(message, () => undefined);
  };
  const database = openDatabase({ url: databaseUrl, applicationName: "tollgate:workers", poolMax: 4 });
  const queues = openQueues({ databaseUrl: new Secret(databaseUrl), redisUrl: config.redisUrl, logger, clock });
  const workers = openWorkers({
    config,
    database,
    logger,
    clock,
    queues,
    loadPriceConfig: makeLoadPriceConfig(options, config, logger),
    metrics: {
      observeJob(observation) {
        metrics.observeJob(observation);
        tell({ kind: "job", observation });
      },
      observeAuditChain(intact) {
        metrics.observeAuditChain(intact);
        tell({ kind: "audit", intact });
      },
      observeKeyAdvice(counts) {
        metrics.observeKeyAdvice(counts);
        tell({ kind: "advice", counts });
      },
      observeSilentLeases(silent) {
        metrics.observeSilentLeases(silent);
        tell({ kind: "leases", silent });
      },
      observeRollupLag(lag) {
        metrics.observeRollupLag(lag);
        tell({ kind: "rollups", lag });
      },
      observeBookDifferences(found) {
        metrics.observeBookDifferences(found);
        tell({ kind: "books", found });
      },
    },
  });

  let wasUp = false;
  const state = setInterval(() => {
    const up = workers.isUp();
    if (up !== wasUp) tell({ kind: "up", up });
    wasUp = up;
  }, stateEveryMs);
  const shutdown = openShutdown({
    logger,
    drainMs: jobGraceMs,
    signals: isChild ? ["SIGTERM"] : ["SIGTERM", "SIGINT"],
  });
  shutdown.add("workers", () => {
    clearInterval(state);
    return workers.stop(jobGraceMs);
  });
  shutdown.add("queues", () => queues.close());
  // Of the config file they need models and prices, which they read whenever they re-rate.
  listenForHangup(
    () => logger.debug("SIGHUP: workers read the config file when they need it"),
    () => void shutdown.stop("SIGHUP"),
  );
  shutdown.add("database", () => database.close());
  if (isChild) {
    // Ctrl-C reaches the whole process group; the parent decides what it means.
    process.on("SIGINT", () => undefined);
    process.once("disconnect", () => void shutdown.stop("the parent process is gone"));
  }
  await workers.ready;
  wasUp = true;
  tell({ kind: "ready" });
  // A gateway's child is quiet: its parent says on one screen what a person needs.
  if (!isChild) logger.info({ backend: queues.backend }, "Workers started");
}

/** The gateways may have read their config file anew since these workers started. */
function makeLoadPriceConfig(options: StartWorkersOptions, first: Config, logger: Logger): () => PriceConfig {
  let last: PriceConfig = first;
  return () => {
    try {
      last = loadProcessConfig({ ...options, readOnly: true });
    } catch (error) {
      logger.warn({ err: error }, "The config file cannot be read; models and prices are those of before");
    }
    return last;
  };
}

async function findDatabaseUrl(config: Config): Promise<string> {
  const url = config.databaseUrl?.reveal() ?? (await findEmbeddedPostgres(config.dataDir))?.databaseUrl;
  if (url === undefined) {
    throw new Error(`no PostgreSQL for the workers: set DATABASE_URL, or start a gateway on ${config.dataDir} first`);
  }
  return url;
}

function isEntry(): boolean {
  const [, entry] = process.argv;
  return entry !== undefined && realpathSync(entry) === fileURLToPath(import.meta.url);
}

if (isEntry()) {
  const { values } = parseArgs({ options: { "config-file": { type: "string" } } });
  const configFile = values["config-file"];
  startWorkers(configFile === undefined ? {} : { configFile }).catch((error: unknown) => {
    process.stderr.write(`The workers cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
}
