import type { JobQueue } from "../server/platform/job-queue.ts";
import type { JobDefinition } from "./registry.ts";

/** Past this, a run that is due and neither waits nor goes on was lost. */
const overdueMs = 2_000;
export const retryDelayMs = 1_000;

/**
 * Sees to it that each job's schedule stands as in the registry and has a next run. BullMQ chains one run to the next,
 * so that a chain which broke (Redis came back empty, PostgreSQL fell between taking a run and storing the next) never
 * runs again by itself. A chain in order is only read, so that calling this often moves nothing.
 *
 * @param nowMs by the clock of this machine's processes, as BullMQ counts.
 * @returns how many schedules were put in order, and when each job that was in order runs next, in milliseconds since 1970.
 */
export async function updateSchedules(
  queue: JobQueue,
  definitions: readonly JobDefinition[],
  nowMs: number,
): Promise<{ updated: number; nextRuns: ReadonlyMap<string, number> }> {
  let updated = 0;
  const nextRuns = new Map<string, number>();
  for (const { name, schedule, attemptsMax } of definitions) {
    const found = await queue.findSchedule(name);
    if (found !== null && found.pattern === schedule) {
      nextRuns.set(name, found.nextAtMs);
      if (found.nextAtMs + overdueMs > nowMs || (await queue.isLive(name, found.nextAtMs))) continue;
    }
    await queue.updateSchedule(name, { pattern: schedule, attemptsMax, retryDelayMs });
    updated += 1;
  }
  return { updated, nextRuns };
}
