import type postgres from "postgres";
import { insertAuditEntries } from "../../db/queries/insert-audit-entries.ts";
import { insertUsageAdjustments } from "../../db/queries/insert-usage-adjustments.ts";
import { mergeUsageParts } from "../../db/queries/merge-usage-parts.ts";
import { findRerateCursor, findRerateRun, type RerateRun, updateRerateRun } from "../../db/queries/rerate-runs.ts";
import { listReratedEvents, type Repricing } from "../../db/queries/rerated-events.ts";
import { runRollupTransaction } from "../../db/queries/rollup-transaction.ts";
import type { Logger } from "../platform/logger.ts";
import { findRepricings, findStepEnd, loadPriceBook, type PriceConfig } from "./rerate-plan.ts";
import { settleAdjustments } from "./settle-adjustments.ts";

/** Events of one transaction, for which merges and other runs wait, and budgets where they are charged too. */
const batchRows = 2_000;
/** As the job merges them. */
const mergeEventsMax = 100_000;

export interface RerateOptions {
  sql: postgres.Sql;
  config: PriceConfig;
  logger: Logger;
  /** Called between transactions; what it throws ends this call. The run goes on from there the next time. */
  throwIfAborted: () => void;
  /** 0 to 100. */
  updateProgress: (percent: number) => Promise<void>;
}

/**
 * Brings the cost of events to the prices of now, by adjustments; an event itself never changes. Goes on where the run stands,
 * day by day and in bounded transactions, each of which also moves where it stands. What costs the same gets no adjustment,
 * so that a second run of the same prices adds none. Runs that go on at once take turns, and none adds what another has added.
 *
 * @returns the run as it is now.
 */
export async function runRerate(options: RerateOptions, run: RerateRun): Promise<RerateRun> {
  const { sql, config, logger } = options;
  const book = await loadPriceBook(sql, config, logger);
  // Only what is merged is adjusted. What comes later was charged at the prices of now, but for journals that were left behind.
  while ((await mergeUsageParts(sql, mergeEventsMax)).parts > 0) options.throwIfAborted();
  let last = run;
  let day: { end: Date; repricings: readonly Repricing[] } | null = null;
  while (last.finishedAt === null) {
    options.throwIfAborted();
    const at = last.nextAt ?? last.from;
    if (day === null || at >= day.end) {
      const end = findStepEnd(at, last.to);
      const range = { from: at.toISOString(), to: end.toISOString(), models: run.models };
      day = { end, repricings: (await findRepricings(sql, range, config, book)).repricings };
      await options.updateProgress(findPercent(last));
    }
    // `null`: somebody else has brought it to its end.
    const stepped = await runStep(sql, last, day.end, day.repricings);
    last = stepped ?? (await findRerateRun(sql, run.id)) ?? last;
  }
  return last;
}

async function runStep(
  sql: postgres.Sql,
  run: RerateRun,
  end: Date,
  repricings: readonly Repricing[],
): Promise<RerateRun | null> {
  return await runRollupTransaction(sql, async (tx) => {
    const cursor = await findRerateCursor(tx, run.id);
    if (cursor === null) return null;
    const isPast = new Date(cursor.at) >= end;
    const range = { from: cursor.at, afterId: cursor.id, to: end.toISOString(), models: run.models };
    const events = isPast || repricings.length === 0 ? [] : await listReratedEvents(tx, range, repricings, batchRows);
    const settled = await settleAdjustments(tx, run, events);
    await insertUsageAdjustments(tx, run.id, settled.events);
    const lastEvent = events.length < batchRows ? undefined : events.at(-1);
    const next = isPast ? cursor : { at: lastEvent?.at ?? end.toISOString(), id: lastEvent?.id ?? null };
    const deltaNanoUsd = events.reduce((sum, event) => sum + event.deltaNanoUsd, 0n);
    const updated = await updateRerateRun(tx, run.id, { next, events: events.length, deltaNanoUsd });
    await insertAuditEntries(tx, settled.entries);
    return updated;
  });
}

function findPercent({ from, to, nextAt }: RerateRun): number {
  const done = (nextAt ?? from).getTime() - from.getTime();
  return Math.floor((100 * done) / (to.getTime() - from.getTime()));
}
