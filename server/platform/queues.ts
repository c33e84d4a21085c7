import { createPostgresBackend, Queue, Worker, withBackend } from "bullmq";
import type { Redis } from "ioredis";
import type { Secret } from "../core/secret.ts";
import { waitFor } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { type JobEnd, type JobQueue, type JobRun, type JobWorker, makeJobQueue, makeProcessor } from "./job-queue.ts";
import type { Logger } from "./logger.ts";
import { QueuePool } from "./postgres-queue-pool.ts";
import { openRedis } from "./redis.ts";
import { makeRepeatedLog } from "./repeated-log.ts";

/**
 * Every queue. Each has one worker per process, and each worker one connection, so jobs of a kind share one. What waits for
 * strangers' servers has its own, so that they keep nothing else waiting.
 */
export const queueNames = ["upkeep", "delivery"] as const;
export type QueueName = (typeof queueNames)[number];

/**
 * Times of a worker. A run whose process vanished is taken up again within lock + check, here 9 s; jobs are safe to run
 * twice, so a lock that is lost to a slow moment costs nothing but the work.
 */
const timing = {
  lockDuration: 6_000,
  stalledInterval: 3_000,
  runRetryDelay: 1_000,
  drainDelay: 5,
  maxStalledCount: 20,
};
/** For closing what may hang because its store is away. */
const closeMs = 1_500;

export interface WorkerOptions {
  concurrency: number;
  process: (run: JobRun) => Promise<JobEnd>;
  /** A run was found whose process had vanished. */
  onStalled: (runId: string) => void;
}

/** The queues of this process, on PostgreSQL or on Redis. The one place that knows which. */
export interface Queues {
  readonly backend: "postgres" | "redis";
  /** @throws where the store cannot be reached; nothing is left open, try again later. */
  openQueue(name: QueueName): Promise<JobQueue>;
  /** @throws like `openQueue`. Once open it survives any absence of its store by itself. */
  openWorker(name: QueueName, options: WorkerOptions): Promise<JobWorker>;
  /** BullMQ's own object, for the page that shows queues. @throws like `openQueue`. */
  openShownQueue(name: QueueName): Promise<object>;
  close(): Promise<void>;
}

export interface QueuesOptions {
  databaseUrl: Secret;
  /** `null`: the queues are in PostgreSQL. */
  redisUrl: Secret | null;
  logger: Logger;
  clock: Clock;
}

/** Opens no connection yet. */
export function openQueues(options: QueuesOptions): Queues {
  const report = makeRepeatedLog(options.logger, options.clock);
  const onError = (error: Error): void => report("The queues' store failed", error);
  return options.redisUrl === null
    ? openOnPostgres(options.databaseUrl, onError)
    : openOnRedis(openRedis({ ...options, url: options.redisUrl, name: "tollgate:queues", waits: true }), onError);
}

function openOnPostgres(url: Secret, onError: (error: Error) => void): Queues {
  const pool = new QueuePool({ url, workersMax: queueNames.length, onError });
  const onPostgres = withBackend(createPostgresBackend);
  let migrated: Promise<void> | null = null;
  // A failed migration is tried again by the next caller, a done one is not repeated.
  const migrateOnce = (): Promise<void> => {
    migrated ??= pool.migrate().catch((error: unknown) => {
      migrated = null;
      throw error;
    });
    return migrated;
  };
  const openRaw = async (name: QueueName) => {
    await migrateOnce();
    const queue = new onPostgres.Queue(name, { connection: pool });
    queue.on("error", onError);
    await readyOrClosed(queue);
    return queue;
  };
  return {
    backend: "postgres",
    openQueue: async (name) => makeJobQueue(await openRaw(name)),
    openShownQueue: openRaw,
    async openWorker(name, workerOptions) {
      await migrateOnce();
      let active = 0;
      const processor = makeProcessor(workerOptions.process, (change) => {
        active += change;
      });
      const worker = new onPostgres.Worker(name, processor, {
        connection: pool,
        concurrency: workerOptions.concurrency,
        autorun: false,
        ...timing,
      });
      worker.on("error", onError);
      worker.on("stalled", workerOptions.onStalled);
      await readyOrClosed(worker);
      return startWorker(worker, () => active, onError);
    },
    close: () => within(closeMs, pool.end()),
  };
}

function openOnRedis(redis: Redis, onError: (error: Error) => void): Queues {
  const openRaw = async (name: QueueName): Promise<Queue> => {
    const queue = new Queue(name, { connection: redis });
    queue.on("error", onError);
    await readyOrClosed(queue);
    return queue;
  };
  return {
    backend: "redis",
    openQueue: async (name) => makeJobQueue(await openRaw(name)),
    openShownQueue: openRaw,
    async openWorker(name, workerOptions) {
      let active = 0;
      const processor = makeProcessor(workerOptions.process, (change) => {
        active += change;
      });
      const connection = redis;
      const { concurrency } = workerOptions;
      const worker = new Worker(name, processor, { connection, concurrency, autorun: false, ...timing });
      worker.on("error", onError);
      worker.on("stalled", workerOptions.onStalled);
      await readyOrClosed(worker);
      return startWorker(worker, () => active, onError);
    },
    async close() {
      if (redis.status === "ready") await within(closeMs, redis.quit());
      redis.disconnect();
    },
  };
}

async function readyOrClosed(opened: { waitUntilReady(): Promise<unknown>; close(): Promise<void> }): Promise<void> {
  try {
    await opened.waitUntilReady();
  } catch (error) {
    await within(closeMs, opened.close());
    throw error;
  }
}

interface RunnableWorker {
  run(): Promise<void>;
  cancelAllJobs(reason?: string): void;
  close(force?: boolean): Promise<void>;
}

function startWorker(worker: RunnableWorker, activeRuns: () => number, onError: (error: Error) => void): JobWorker {
  void worker.run().catch(onError);
  return {
    activeRuns,
    async stop(graceMs) {
      // The first call decides; close(true) after it would only return the same promise.
      const closed = worker.close().catch(onError);
      if (await isWithin(graceMs, closed)) return;
      worker.cancelAllJobs("the process stops");
      await within(closeMs, closed);
    },
  };
}

async function isWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const done = work.then(() => true).finally(() => timer.abort());
  return await Promise.race([done, waitFor(ms, timer.signal).then(() => timer.signal.aborted)]);
}

/** Waits for the work, but no longer than that; how it ends does not matter any more. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  await isWithin(
    ms,
    work.catch(() => undefined),
  );
}
