import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Redis } from "ioredis";
import { findAnyApiKey } from "../db/queries/find-any-api-key.ts";
import { makeAdminRouter } from "./admin/admin-router.ts";
import { openCheckpointKeeper } from "./admin/audit/checkpoint-keeper.ts";
import { makeApp, type Routers } from "./app.ts";
import { type Context, openContext } from "./context.ts";
import { isPermissionGranted } from "./core/permission.ts";
import { Secret } from "./core/secret.ts";
import { makeHttpClose } from "./http/drain.ts";
import { makeOperationsRouter } from "./http/health.ts";
import { makeHttpServer } from "./http/server.ts";
import { makeDashboardRouter } from "./http/static.ts";
import { makeFirstKeys } from "./keys/first-keys.ts";
import { makeBanner } from "./platform/banner.ts";
import { type Config, loadProcessConfig, loadProcessFailpoint } from "./platform/config.ts";
import { setEngineFlags } from "./platform/engine-flags.ts";
import { setFailpoint } from "./platform/failpoint.ts";
import { listenForHangup } from "./platform/hangup.ts";
import { openLogger } from "./platform/logger.ts";
import { makeQueueBoard, type QueueBoard } from "./platform/queue-board.ts";
import { openRedis } from "./platform/redis.ts";
import { makePolicyCheck } from "./platform/redis-policy.ts";
import { openShutdown, type Shutdown } from "./platform/shutdown.ts";
import { version } from "./platform/version.ts";
import { openWorkerProcess, type WorkerProcess } from "./platform/worker-process.ts";
import { makeAdminCaller } from "./proxy/admin-caller.ts";
import { makeProbeProvider } from "./proxy/probe-provider.ts";
import { makeHotRoutes, makeInferenceRouter } from "./proxy/router.ts";
import { openStore } from "./store.ts";

export interface ServerOptions {
  /** Path of `tollgate.toml`. */
  configFile?: string;
}

/** How long a gateway that is to end still takes requests while its readiness fails. */
const noticeMs = 500;

/**
 * Starts a gateway with everything that it needs, prints where it listens, and returns. It runs until a signal ends it.
 *
 * @throws ConfigError, EmbeddedPostgresError, NewerSchemaError, or the system's error where the port is taken; nothing is
 * left running then.
 */
export async function startServer(options: ServerOptions): Promise<void> {
  setEngineFlags();
  const config = loadProcessConfig(options);
  setFailpoint(loadProcessFailpoint(config));
  const logger = openLogger(config.log);
  for (const { path, text } of config.notes) logger.warn({ path }, `config file: ${text}`);
  const shutdown = openShutdown({ logger, drainMs: config.gateway.drainMs, noticeMs });
  const undo: (() => Promise<void>)[] = [];
  try {
    const store = await openStore(config, logger);
    undo.unshift(() => store.close());
    const context = await openContext({
      config,
      logger,
      databaseUrl: store.databaseUrl,
      loadConfig: () => loadProcessConfig({ ...options, readOnly: true }),
      onWrittenOff: () => void shutdown.stop("an operator has written this process off"),
    });
    undo.unshift(() => context.close());
    const redis =
      config.redisUrl === null
        ? null
        : openRedis({ url: config.redisUrl, name: "tollgate:health", waits: false, logger, clock: context.clock });
    undo.unshift(() => Promise.resolve(redis?.disconnect()));
    const databaseUrl = new Secret(store.databaseUrl);
    const queueBoard = makeQueueBoard({ ...config, databaseUrl, logger, clock: context.clock }, "/admin/queues");
    undo.unshift(() => queueBoard.close());
    // Only workers know whether they are up; they start last.
    let workers: WorkerProcess | null = null;
    const areWorkersUp = config.role === "all" ? () => workers?.isUp() ?? false : null;
    const server = makeHttpServer(
      makeApp(makeRouters(context, shutdown, redis, areWorkersUp, queueBoard), logger),
      makeHotRoutes(context.proxy),
    );
    const closeHttp = makeHttpClose(server);
    const url = await listen(server, config);
    undo.unshift(() => closeHttp(0));
    // Not before the port is ours: a start that failed there would have made keys that nobody was shown.
    const keys = await makeFirstKeys(config, context.database, context.clock);
    if (config.role === "all")
      workers = openWorkerProcess(
        findWorkersEntry(),
        options.configFile === undefined ? [] : ["--config-file", options.configFile],
        context,
      );

    const checkpointKeeper = openCheckpointKeeper({
      sql: context.database.sql,
      config,
      logger,
      metrics: context.metrics,
    });
    shutdown.add("http", () => closeHttp(config.gateway.drainMs));
    shutdown.add("workers", () => workers?.stop());
    shutdown.add("queue board", () => queueBoard.close());
    shutdown.add("redis", () => redis?.disconnect());
    shutdown.add("audit checkpoint", () => checkpointKeeper.close());
    shutdown.add("context", () => context.close());
    shutdown.add("store", () => store.close());
    const endHangup = listenForHangup(
      () => context.reloader.handleSignal(),
      () => void shutdown.stop("SIGHUP"),
    );
    shutdown.addFirst("hangup", endHangup);
    process.stdout.write(`${makeBanner(config, url, keys)}\n`);
  } catch (error) {
    shutdown.close();
    for (const step of undo) await step();
    throw error;
  }
}

function makeRouters(
  context: Context,
  shutdown: Shutdown,
  redis: Redis | null,
  areWorkersUp: (() => boolean) | null,
  queueBoard: QueueBoard,
): Routers {
  const { config, clock, database, logger, metrics } = context;
  const caller = makeAdminCaller(context.proxy);
  return {
    inference: makeInferenceRouter(context.proxy),
    operations: makeOperationsRouter({
      metrics,
      clock,
      version,
      getConfigHash: () => config.configHash,
      graceMs: config.gateway.graceMs,
      isStarted: () => true,
      isDraining: () => shutdown.draining,
      checkPostgres: () => findAnyApiKey(database.sql),
      checkRedis: redis === null ? null : () => redis.ping(),
      checkRedisPolicy: redis === null ? null : makePolicyCheck(redis, logger),
      areWorkersUp,
      findClientAddress: context.proxy.findClientAddress,
      authorize: async (request) => {
        const answer = await caller.authenticate(request);
        return answer.ok && isPermissionGranted(answer.key.permissions, "admin:usage");
      },
    }),
    admin: makeAdminRouter({
      isDraining: () => shutdown.draining,
      authenticate: caller.authenticate,
      noticeRefusal: caller.noticeRefusal,
      version,
      database,
      clock,
      config,
      logger,
      randomBytes,
      queueBoard,
      gateway: { process: context.process, reloader: context.reloader },
      probeProvider: makeProbeProvider(context.proxy),
    }),
    dashboard: makeDashboardRouter(),
  };
}

/** @returns the address for people, with the port that was really taken. */
async function listen(server: Server, config: Config): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(config.port, config.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}

/** Of the workers' process, from the source tree and from a build alike. */
function findWorkersEntry(): string {
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../workers/main.${ending}`, import.meta.url));
}
