import { deleteDrawnLeases, updateEndedWindows } from "../../db/queries/update-ended-windows.ts";
import { formatUsd } from "../../server/core/money.ts";
import type { JobTools } from "../registry.ts";

const batchRows = 500;

/**
 * Closes the windows of budgets whose period has ended, announces each, and tidies up behind them. Budgets begin anew by the
 * clock, whether or not this runs; a call that ends later is charged to its old window all the same.
 */
export async function handleResetBudgets({ context, logger, signal }: JobTools) {
  const { sql } = context.database;
  let closed = 0;
  let leases = 0;
  for (let batch = batchRows; batch === batchRows; ) {
    signal.throwIfAborted();
    batch = await updateEndedWindows(sql, batchRows, (windows) => {
      for (const { id, endsAt, limitNanoUsd, extraNanoUsd, settledNanoUsd, leasedNanoUsd } of windows) {
        logger.info(
          {
            event: "budget_period_ended",
            window: id,
            ended_at: endsAt?.toISOString(),
            limit_usd: formatUsd(limitNanoUsd),
            extra_usd: formatUsd(extraNanoUsd),
            spent_usd: formatUsd(settledNanoUsd),
            reserved_usd: formatUsd(leasedNanoUsd),
          },
          "The period of a budget has ended",
        );
      }
    });
    closed += batch;
  }
  for (let batch = batchRows; batch === batchRows; ) {
    signal.throwIfAborted();
    batch = await deleteDrawnLeases(sql, batchRows);
    leases += batch;
  }
  return { closed, leases };
}
