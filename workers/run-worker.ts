import { AppError } from "../server/core/error.ts";
import type { JobEnd, JobRun } from "../server/platform/job-queue.ts";
import { hideSecretText } from "../server/platform/redact.ts";
import type { WorkerContext } from "./context.ts";
import { makeRecorder } from "./job-record.ts";
import type { JobDefinition } from "./registry.ts";

/**
 * Makes the function that runs jobs by name: measured, logged, and with every failure turned into "try again" or "give
 * up". An {@link AppError} below 500 is no failure of a store and is not tried again.
 */
export function makeRunner(context: WorkerContext, definitions: readonly JobDefinition[]) {
  const record = makeRecorder(context);
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  return async (run: JobRun): Promise<JobEnd> => {
    const logger = context.logger.child({ job: run.job, run: run.id, attempt: run.attempt });
    const definition = byName.get(run.job);
    if (definition === undefined) {
      logger.error("No such job in this release");
      return { kind: "failed", message: "no such job in this release", mayRetry: false };
    }
    const startedAtMs = context.clock.monotonicMs();
    const { signal } = run;
    const kept = record(definition, run.lagMs);
    const updateProgress = async (percent: number): Promise<void> => {
      await Promise.all([run.updateProgress(percent), kept.progress(percent)]);
    };
    const observe = (outcome: "completed" | "failed" | "retried"): number => {
      const durationMs = context.clock.monotonicMs() - startedAtMs;
      context.metrics.observeJob({ job: run.job, outcome, durationMs, lagMs: run.lagMs });
      return durationMs;
    };
    try {
      const result = await definition.handle({ context, logger, signal, updateProgress });
      const durationMs = observe("completed");
      // A sweep each minute that finds nothing is not worth a line.
      const hasWorked = Object.values(result).some((count) => count > 0);
      logger[hasWorked ? "info" : "debug"]({ durationMs, ...result }, "Job completed");
      await kept.end({ outcome: "completed", durationMs, result, error: null });
      return { kind: "done", result };
    } catch (error) {
      if (signal.aborted) {
        logger.info("Job returned to its queue: the process stops");
        const durationMs = context.clock.monotonicMs() - startedAtMs;
        await kept.end({ outcome: "returned", durationMs, result: null, error: null });
        return { kind: "returned" };
      }
      const mayRetry = !(error instanceof AppError) || error.status >= 500;
      const isLast = !mayRetry || run.attempt >= run.attemptsMax;
      const durationMs = observe(isLast ? "failed" : "retried");
      logger[isLast ? "error" : "warn"](
        { durationMs, err: error },
        isLast ? "Job failed" : "Job failed, is tried again",
      );
      // It is stored with the run and shown to admins.
      const message = hideSecretText(error instanceof Error ? error.message : String(error)).slice(0, 500);
      await kept.end({ outcome: isLast ? "failed" : "retried", durationMs, result: null, error: message });
      return { kind: "failed", message, mayRetry };
    }
  };
}
