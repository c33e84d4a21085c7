import { listRequestedJobs, updateJobSchedules, updateRequestTaken } from "../db/queries/job-states.ts";
import type { JobQueue } from "../server/platform/job-queue.ts";
import type { QueueName } from "../server/platform/queues.ts";
import type { WorkerContext } from "./context.ts";
import { retryDelayMs } from "./keep-schedules.ts";
import type { JobDefinition } from "./registry.ts";

/**
 * Makes the function that connects a queue with what admins see and want: it writes down when each job runs next, where that
 * has changed, and puts runs that were asked for into the queue. Killed in between it does so once more, and adds nothing twice.
 */
export function makeRequestTaker(context: WorkerContext, name: QueueName, definitions: readonly JobDefinition[]) {
  const told = new Map<string, number | null>();
  const { sql } = context.database;
  return async (queue: JobQueue, nextRuns: ReadonlyMap<string, number>): Promise<void> => {
    const changed = definitions.filter(({ name: job }) => told.get(job) !== (nextRuns.get(job) ?? null));
    if (changed.length > 0) {
      await updateJobSchedules(
        sql,
        changed.map(({ name: job, schedule }) => {
          const nextMs = nextRuns.get(job);
          return { job, queue: name, schedule, nextRunAt: nextMs === undefined ? null : new Date(nextMs) };
        }),
      );
      for (const { name: job } of changed) told.set(job, nextRuns.get(job) ?? null);
    }
    for (const { job, requestedAt } of await listRequestedJobs(sql, name)) {
      const definition = definitions.find((each) => each.name === job);
      if (definition === undefined) continue;
      await queue.addRun(job, requestedAt.getTime(), { attemptsMax: definition.attemptsMax, retryDelayMs });
      await updateRequestTaken(sql, job, requestedAt);
    }
  };
}
