import {
  deleteOldNetworks,
  dropUsageHours,
  listOldUsageMonths,
  openUsageMonths,
} from "../../db/queries/drop-usage-hours.ts";
import {
  deleteOldAdjustments,
  deleteOldParts,
  dropUsagePartition,
  listOldUsageDays,
} from "../../db/queries/drop-usage-partition.ts";
import { openUsagePartitions } from "../../db/queries/open-usage-partitions.ts";
import type { JobTools } from "../registry.ts";

const batchRows = 10_000;

/** Creates the partitions of the coming days and drops, whole, those whose events are older than is kept and merged. */
export async function handleManagePartitions({ context, logger, signal, updateProgress }: JobTools) {
  const { sql } = context.database;
  const { rawDays, hourDays, partitionDaysAhead } = context.config.usage;
  const done = {
    opened: await openUsagePartitions(sql, partitionDaysAhead),
    dropped: 0,
    kept: 0,
    busy: 0,
    parts: 0,
    adjustments: 0,
  };
  await openUsageMonths(sql);

  const days = await listOldUsageDays(sql, rawDays);
  for (const [index, day] of days.entries()) {
    signal.throwIfAborted();
    const outcome = await dropUsagePartition(sql, day);
    done[outcome] += 1;
    if (outcome === "dropped") logger.info({ day }, "Usage events of a day dropped by retention");
    await updateProgress(Math.round((100 * (index + 1)) / days.length));
  }
  for (let batch = batchRows; batch === batchRows; ) {
    signal.throwIfAborted();
    batch = await deleteOldParts(sql, rawDays, batchRows);
    done.parts += batch;
  }
  for (let batch = batchRows; batch === batchRows; ) {
    signal.throwIfAborted();
    batch = await deleteOldAdjustments(sql, rawDays, batchRows);
    done.adjustments += batch;
  }
  const months = await listOldUsageMonths(sql, hourDays);
  for (const month of months) {
    signal.throwIfAborted();
    const outcome = await dropUsageHours(sql, month);
    done[outcome] += 1;
    if (outcome === "dropped") logger.info({ month }, "Usage hours of a month dropped by retention");
  }
  await deleteOldNetworks(sql, rawDays);
  return done;
}
