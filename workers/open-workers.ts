import { makeBackoff, waitFor } from "../server/platform/backoff.ts";
import type { JobQueue, JobWorker } from "../server/platform/job-queue.ts";
import type { QueueName } from "../server/platform/queues.ts";
import { makeRepeatedLog } from "../server/platform/repeated-log.ts";
import type { WorkerContext } from "./context.ts";
import { makeRequestTaker } from "./job-requests.ts";
import { updateSchedules } from "./keep-schedules.ts";
import { type JobDefinition, jobs } from "./registry.ts";
import { makeRunner } from "./run-worker.ts";

/** How often schedules are looked after; with it a lost schedule is back within 5 s of its store. */
const keepEveryMs = 3_000;
/** After this without a look at the schedules the workers count as down. */
const downAfterMs = 12_000;

export interface Workers {
  /** Resolves once every queue is worked on. */
  readonly ready: Promise<void>;
  /** Whether the store of the queues answered lately. */
  isUp(): boolean;
  /** Runs that go on right now. */
  activeRuns(): number;
  /** Takes no more runs, lets those that go on end for at most `graceMs`, then returns them. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

/** Starts a worker for each queue of the registry. A store that is away is waited for; nothing is thrown. */
export function openWorkers(context: WorkerContext, definitions: readonly JobDefinition[] = jobs): Workers {
  const stopping = new AbortController();
  const opened = [...new Set(definitions.map(({ queue }) => queue))].map((name) =>
    openQueueWorker(context, name, definitions, stopping.signal),
  );
  let stopped: Promise<void> | null = null;
  return {
    ready: Promise.all(opened.map(({ ready }) => ready)).then(() => undefined),
    isUp: () => opened.every(({ isUp }) => isUp()),
    activeRuns: () => opened.reduce((sum, { activeRuns }) => sum + activeRuns(), 0),
    stop(graceMs) {
      stopping.abort();
      stopped ??= Promise.all(opened.map(({ stop }) => stop(graceMs))).then(() => undefined);
      return stopped;
    },
  };
}

function openQueueWorker(
  context: WorkerContext,
  name: QueueName,
  all: readonly JobDefinition[],
  stopping: AbortSignal,
): Workers {
  const definitions = all.filter(({ queue }) => queue === name);
  const logger = context.logger.child({ queue: name });
  const report = makeRepeatedLog(logger, context.clock);
  let queue: JobQueue | null = null;
  let worker: JobWorker | null = null;
  let seenAtMs = Number.NEGATIVE_INFINITY;

  const open = async (): Promise<void> => {
    const backoff = makeBackoff({ minMs: 100, maxMs: 2_000 });
    while (!stopping.aborted) {
      try {
        queue ??= await context.queues.openQueue(name);
        await keep(queue);
        worker ??= await context.queues.openWorker(name, {
          concurrency: definitions.reduce((sum, { concurrency }) => sum + concurrency, 0),
          process: makeRunner(context, definitions),
          onStalled: (run) => logger.warn({ run }, "A run was left by a process that vanished; it is taken up again"),
        });
        logger.debug({ backend: context.queues.backend }, "Worker started");
        return;
      } catch (error) {
        report("The queue cannot be opened yet", error);
        await backoff.wait(stopping);
      }
    }
  };
  const keep = async (kept: JobQueue): Promise<void> => {
    const { updated, nextRuns } = await updateSchedules(kept, definitions, context.clock.nowMs());
    if (updated > 0) logger.debug({ updated }, "Schedules put in order");
    await takeRequests(kept, nextRuns).catch((error: unknown) => report("Jobs cannot be told of", error));
    seenAtMs = context.clock.monotonicMs();
  };
  const takeRequests = makeRequestTaker(context, name, definitions);
  const run = async (): Promise<void> => {
    await ready;
    while (!stopping.aborted && queue !== null) {
      await waitFor(keepEveryMs * (0.9 + Math.random() / 5), stopping);
      if (stopping.aborted) return;
      await keep(queue).catch((error: unknown) => report("The schedules cannot be looked after", error));
    }
  };
  const ready = open();
  void run();

  return {
    ready,
    isUp: () => worker !== null && context.clock.monotonicMs() - seenAtMs < downAfterMs,
    activeRuns: () => worker?.activeRuns() ?? 0,
    async stop(graceMs) {
      // While opening hangs on a store that is away there is nothing to stop yet.
      await Promise.race([ready, waitFor(500)]);
      await worker?.stop(graceMs);
      await Promise.race([queue?.close().catch(() => undefined), waitFor(500)]);
    },
  };
}
