import type postgres from "postgres";
import { listRerateSums, type RerateSum } from "../../db/queries/rerated-events.ts";
import type { Logger } from "../platform/logger.ts";
import { findRepricings, findStepEnd, loadPriceBook, type PriceConfig } from "./rerate-plan.ts";

export interface ReratePreview {
  /** By model and key, summed over the days. */
  sums: RerateSum[];
  unpriced: number;
  reserved: number;
}

/** What a run over these events would change, day by day and without a write. Summed by PostgreSQL, not here. */
export async function loadReratePreview(
  sql: postgres.Sql,
  range: { from: Date; to: Date; models: readonly string[] | null },
  config: PriceConfig,
  logger: Logger,
): Promise<ReratePreview> {
  const book = await loadPriceBook(sql, config, logger);
  const sums = new Map<string, RerateSum>();
  const preview = { unpriced: 0, reserved: 0 };
  for (let at = range.from; at < range.to; ) {
    const end = findStepEnd(at, range.to);
    const step = { from: at.toISOString(), to: end.toISOString(), models: range.models };
    const day = await findRepricings(sql, step, config, book);
    preview.unpriced += day.unpriced;
    preview.reserved += day.reserved;
    if (day.repricings.length > 0) {
      for (const sum of await listRerateSums(sql, step, day.repricings)) addSum(sums, sum);
    }
    at = end;
  }
  return { ...preview, sums: [...sums.values()] };
}

function addSum(sums: Map<string, RerateSum>, sum: RerateSum): void {
  const key = `${sum.publicId} ${sum.model}`;
  const known = sums.get(key);
  if (known === undefined) {
    sums.set(key, sum);
    return;
  }
  known.events += sum.events;
  known.unpricedEvents += sum.unpricedEvents;
  known.oldCostNanoUsd += sum.oldCostNanoUsd;
  known.newCostNanoUsd += sum.newCostNanoUsd;
}
