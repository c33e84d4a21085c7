import type { Database } from "../../db/client.ts";
import type { Secret } from "../core/secret.ts";
import { waitFor } from "../platform/backoff.ts";
import type { Clock } from "../platform/clock.ts";
import type { Logger } from "../platform/logger.ts";
import type { Metrics } from "../platform/metrics.ts";
import { openRedis } from "../platform/redis.ts";
import { MemoryWindows } from "./memory-windows.ts";
import type { RateWindows } from "./rate-windows.ts";
import { RedisWindows } from "./redis-windows.ts";
import { makeWindowSeeder } from "./window-seeder.ts";

/** A start does not wait longer for Redis: the process then begins with its share. */
const readyMs = 1_000;

export interface OpenRateWindowsOptions {
  /** `null`: there is one gateway process, and it counts in its memory. */
  redisUrl: Secret | null;
  database: Database;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  process: string;
  liveProcesses: () => number;
}

/** Opens the counters of all rate limits: in Redis where there is one, else in this process. */
export async function openRateWindows(options: OpenRateWindowsOptions): Promise<RateWindows> {
  const { redisUrl, database, clock, logger, metrics, process, liveProcesses } = options;
  const nowMs = clock.monotonicMs;
  const loadSeed = makeWindowSeeder(database, metrics);
  if (redisUrl === null) {
    // Of one process, its memory is what all processes share.
    metrics.watch("rateWindowsShared", () => 1);
    return new MemoryWindows({ nowMs, loadSeed });
  }
  const redis = openRedis({ url: redisUrl, name: "tollgate:limits", waits: false, logger, clock });
  const windows = new RedisWindows({ redis, nowMs, loadSeed, liveProcesses, process, logger, metrics });
  metrics.watch("rateWindowsShared", () => (windows.isShared ? 1 : 0));
  await Promise.race([windows.ready(), waitFor(readyMs)]);
  return windows;
}
