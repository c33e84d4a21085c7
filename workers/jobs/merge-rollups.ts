import { findRollupLag } from "../../db/queries/find-rollup-lag.ts";
import { listTouchedDays, mergeUsageDay } from "../../db/queries/merge-usage-days.ts";
import { passFailpoint } from "../../server/platform/failpoint.ts";
import type { JobTools } from "../registry.ts";

/** Computes the days that are over, and whose hours changed, anew from their hours. Today is read from hours until it ends. */
export async function handleMergeRollups({ context, signal, updateProgress }: JobTools) {
  const { sql } = context.database;
  const days = await listTouchedDays(sql);
  const done = { days: 0, rows: 0 };
  for (const [index, day] of days.entries()) {
    signal.throwIfAborted();
    const merged = await mergeUsageDay(sql, day, () => passFailpoint("day-computed"));
    passFailpoint("day-committed");
    if (merged !== null) {
      done.days += 1;
      done.rows += merged.rows;
    }
    await updateProgress(Math.round((100 * (index + 1)) / days.length));
  }
  context.metrics.observeRollupLag(await findRollupLag(sql));
  return done;
}
