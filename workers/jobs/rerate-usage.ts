import { listOpenRerateRuns } from "../../db/queries/rerate-runs.ts";
import { formatUsd } from "../../server/core/money.ts";
import { runRerate } from "../../server/limits/run-rerate.ts";
import type { JobTools } from "../registry.ts";

/** Runs the re-ratings that were asked for, the oldest first, each from where it stands. */
export async function handleRerateUsage({ context, logger, signal, updateProgress }: JobTools) {
  const { sql } = context.database;
  const done = { runs: 0, events: 0 };
  for (const run of await listOpenRerateRuns(sql)) {
    const config = context.loadPriceConfig();
    const throwIfAborted = () => signal.throwIfAborted();
    const finished = await runRerate({ sql, config, logger, throwIfAborted, updateProgress }, run);
    done.runs += 1;
    done.events += finished.events - run.events;
    logger.info(
      {
        event: "usage_rerated",
        rerate_run: run.id,
        events: finished.events,
        delta_usd: formatUsd(finished.deltaNanoUsd),
      },
      "Usage was re-rated",
    );
  }
  return done;
}
