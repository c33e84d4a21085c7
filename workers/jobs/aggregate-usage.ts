import { findRollupLag } from "../../db/queries/find-rollup-lag.ts";
import { mergeUsageParts } from "../../db/queries/merge-usage-parts.ts";
import { mergeUsageRefusals } from "../../db/queries/merge-usage-refusals.ts";
import { passFailpoint } from "../../server/platform/failpoint.ts";
import type { JobTools } from "../registry.ts";

/** A batch takes about a second of one core and 64 MB. Half as many cost 5 % more an event, where hours overlap. */
const batchEvents = 100_000;

/** Adds the parts that gateways have written to the hours, and the refusals that they have counted, until none is left. */
export async function handleAggregateUsage(
  { context, logger, signal, updateProgress }: JobTools,
  eventsMax: number = batchEvents,
) {
  const { sql } = context.database;
  const before = await findRollupLag(sql);
  const done = { parts: 0, events: 0, refusals: 0 };
  for (;;) {
    signal.throwIfAborted();
    const merged = await mergeUsageParts(sql, eventsMax, () => passFailpoint("hours-added"));
    if (merged.parts === 0) break;
    passFailpoint("hours-committed");
    done.parts += merged.parts;
    done.events += merged.events;
    if (merged.missing !== 0) {
      // Whatever happened to them is not undone by waiting: the rest must not be held up.
      logger.error(
        { event: "usage_events_missing", events: merged.missing },
        "Usage parts name other events than there are; run `tollgate usage reconcile`",
      );
    }
    await updateProgress(Math.min(99, Math.round((100 * done.parts) / Math.max(1, before.parts))));
  }
  signal.throwIfAborted();
  if (before.refusals > 0) done.refusals = await mergeUsageRefusals(sql, () => passFailpoint("refusals-added"));
  context.metrics.observeRollupLag(await findRollupLag(sql));
  return done;
}
