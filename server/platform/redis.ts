import { Redis } from "ioredis";
import type { Secret } from "../core/secret.ts";
import { makeBackoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";
import { makeRepeatedLog } from "./repeated-log.ts";

export interface RedisOptions {
  url: Secret;
  /** Shown in `CLIENT LIST`. */
  name: string;
  /**
   * `false` (limits): a command fails at once while Redis is away. `true` (queues): commands wait until it is back.
   */
  waits: boolean;
  logger: Logger;
  clock: Clock;
}

/**
 * A client that connects when it is first used and comes back by itself, within about a second of Redis being back.
 * Its errors are logged at most once in five seconds; nobody has to listen for them.
 */
export function openRedis(options: RedisOptions): Redis {
  const backoff = makeBackoff({ minMs: 50, maxMs: 1_000 });
  const report = makeRepeatedLog(options.logger, options.clock);
  const redis = new Redis(options.url.reveal(), {
    connectionName: options.name,
    lazyConnect: true,
    connectTimeout: 5_000,
    // A half-open connection is noticed by the kernel instead of after hours.
    keepAlive: 10_000,
    enableOfflineQueue: options.waits,
    maxRetriesPerRequest: options.waits ? null : 0,
    retryStrategy: () => backoff.next(),
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
  });
  redis.on("ready", () => backoff.reset());
  redis.on("error", (error) => report("Redis failed", error));
  return redis;
}
