import { findSilentHoldings, updateSilentProcesses } from "../../db/queries/update-silent-processes.ts";
import { formatUsd, makeUsdGauge } from "../../server/core/money.ts";
import type { JobTools } from "../registry.ts";

const batchRows = 100;

/**
 * Tells of processes that lease budgets and were not seen for a minute. It frees nothing, because a process that was only
 * stopped may wake up and spend what it leased: its journal frees that when it is recovered, or an operator writes it off.
 */
export async function handleReapLeases({ context, logger, signal }: JobTools) {
  const { sql } = context.database;
  let silent = 0;
  for (let batch = batchRows; batch === batchRows; ) {
    signal.throwIfAborted();
    batch = await updateSilentProcesses(sql, batchRows, (processes) => {
      for (const { process, seenAt, heldNanoUsd, windows } of processes) {
        logger.warn(
          {
            event: "lease_process_silent",
            process,
            seen_at: seenAt.toISOString(),
            held_usd: formatUsd(heldNanoUsd),
            windows,
          },
          "A process that leases budgets is silent; what it holds stays held until its journal is recovered or it is written off",
        );
      }
    });
    silent += batch;
  }
  const { processes, heldNanoUsd } = await findSilentHoldings(sql);
  context.metrics.observeSilentLeases({ processes, heldUsd: makeUsdGauge(heldNanoUsd) });
  return { silent, processes };
}
