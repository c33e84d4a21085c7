import { updateJobEnded, updateJobProgress, updateJobStarted } from "../db/queries/job-states.ts";
import { makeRepeatedLog } from "../server/platform/repeated-log.ts";
import type { WorkerContext } from "./context.ts";
import type { JobDefinition } from "./registry.ts";

/** What is told of one run while it goes on. Never fails: a job does not end because nobody could write that it began. */
export interface RunRecord {
  progress(percent: number): Promise<void>;
  end(end: Omit<Parameters<typeof updateJobEnded>[1], "job" | "endedAt">): Promise<void>;
}

const progressEveryMs = 1_000;

/** Makes the function that records runs in `job_state`, for any process to read. */
export function makeRecorder({ database, clock, logger }: WorkerContext) {
  const report = makeRepeatedLog(logger, clock);
  const attempt = async (work: Promise<void>): Promise<void> => {
    await work.catch((error: unknown) => report("What a job did cannot be recorded", error));
  };
  return ({ name: job, queue, schedule }: JobDefinition, lagMs: number): RunRecord => {
    const { sql } = database;
    const begun = attempt(updateJobStarted(sql, { job, queue, schedule, startedAt: new Date(clock.nowMs()), lagMs }));
    let toldAtMs = Number.NEGATIVE_INFINITY;
    return {
      async progress(percent) {
        if (clock.monotonicMs() - toldAtMs < progressEveryMs) return;
        toldAtMs = clock.monotonicMs();
        await begun;
        await attempt(updateJobProgress(sql, job, Math.round(percent)));
      },
      async end(end) {
        await begun;
        await attempt(updateJobEnded(sql, { ...end, job, endedAt: new Date(clock.nowMs()) }));
      },
    };
  };
}
