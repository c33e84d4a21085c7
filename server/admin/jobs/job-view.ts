import type { JobState } from "../../../db/queries/job-states.ts";
import type { JobView } from "../../core/job-schema.ts";

/** @param nowMs by which lateness is told. */
export function makeJobView(state: JobState, nowMs: number): JobView {
  const { startedAt, endedAt, requestedAt, nextRunAt } = state;
  const isRunning = startedAt !== null && endedAt === null;
  return {
    job: state.job,
    queue: state.queue,
    schedule: state.schedule,
    state: requestedAt !== null ? "requested" : isRunning ? "running" : "idle",
    next_run_at: nextRunAt?.toISOString() ?? null,
    late_ms: nextRunAt === null ? 0 : Math.max(0, Math.round(nowMs - nextRunAt.getTime())),
    started_at: startedAt?.toISOString() ?? null,
    ended_at: endedAt?.toISOString() ?? null,
    outcome: state.outcome,
    duration_ms: state.durationMs,
    lag_ms: state.lagMs,
    progress: state.progress,
    result: state.result,
    error: state.error,
    runs: state.runs,
    failures: state.failures,
    requested_at: requestedAt?.toISOString() ?? null,
    requested_by: state.requestedBy,
  };
}
