import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { Secret } from "../../server/core/secret.ts";
import type { LoadSeed } from "../../server/limits/rate-windows.ts";
import { RedisWindows } from "../../server/limits/redis-windows.ts";
import { openClock } from "../../server/platform/clock.ts";
import { type Counts, makeCounts } from "../../server/platform/count-metrics.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { openRedis } from "../../server/platform/redis.ts";
import { openRedisServer, type RedisServer } from "./redis-server.ts";

export interface OpenWindowsOptions {
  loadSeed?: LoadSeed | null;
  liveProcesses?: () => number;
  nowMs?: () => number;
  /** Where Redis is reached instead (a fault proxy). */
  port?: number;
  leaseMs?: number;
}

/** Rate windows over a real Redis of its own, as many as there are processes to be. */
export interface RedisWindowsHarness {
  server: RedisServer;
  /** A client of the test's own. */
  client: Redis;
  logLines: string[];
  /** Of all windows together. */
  metrics: Counts;
  open(options?: OpenWindowsOptions): Promise<RedisWindows>;
  /** Closes the server; the windows are the test's to close. */
  close(): Promise<void>;
}

export async function openRedisWindows(): Promise<RedisWindowsHarness> {
  const server = await openRedisServer();
  const client = new Redis(server.url, { retryStrategy: () => 100, maxRetriesPerRequest: null });
  client.on("error", () => undefined);
  const logLines: string[] = [];
  const metrics = makeCounts();
  const logger = openLogger(
    { level: "debug", pretty: false, access: false },
    { write: (line: string) => logLines.push(line) },
  );
  return {
    server,
    client,
    logLines,
    metrics,
    async open({ loadSeed = null, liveProcesses = () => 1, nowMs, port = server.port, leaseMs } = {}) {
      const clock = openClock();
      const redis = openRedis({
        url: new Secret(`redis://127.0.0.1:${port}`),
        name: "test",
        waits: false,
        logger,
        clock,
      });
      const windows = new RedisWindows({
        redis,
        nowMs: nowMs ?? clock.monotonicMs,
        loadSeed,
        liveProcesses,
        process: randomBytes(4).toString("hex"),
        logger,
        metrics,
        ...(leaseMs === undefined ? {} : { leaseMs }),
      });
      await windows.ready();
      return windows;
    },
    async close() {
      client.disconnect();
      await server.stop();
    },
  };
}
