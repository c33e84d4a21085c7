import type postgres from "postgres";
import {
  findBudgetDrift,
  findDayDifferences,
  findHourDifferences,
  findPartDifferences,
  type WindowDrift,
} from "../../db/queries/find-book-differences.ts";
import { computeUsageHours, listReconcilableDays, recomputeUsageDays } from "../../db/queries/repair-usage.ts";
import { runRollupTransaction, touchUsageDays } from "../../db/queries/rollup-transaction.ts";
import { updateSettled } from "../../db/queries/update-adjusted-windows.ts";
import { formatUsd } from "../core/money.ts";
import {
  type BookDifference,
  type ExplainedDifference,
  explainDifferences,
  type FaultyPart,
} from "../core/reconcile-difference.ts";
import type { ReconcileReport } from "../core/reconcile-schema.ts";

export interface ReconcileOptions {
  /** How many days back; `null`: all whose raw events are kept. */
  days: number | null;
  /** Says how far it is, 0 to 100. May throw to end it. */
  updateProgress?: (percent: number) => Promise<void>;
  /** Computes rollups anew and corrects budgets. Its argument runs last in the same transaction, to tell the audit log. */
  repair: ((transaction: postgres.TransactionSql, report: ReconcileReport) => Promise<void>) | null;
}

const shownMax = 2_000;
const dayMs = 86_400_000;

/**
 * Holds the ledger of raw events, the rollups and the budgets against each other, and says of each difference why it is there.
 *
 * The ledger is what the others are put right by. It has no master itself: where its events are not those that their batches name,
 * nothing that they reach into is changed, and no budget at all, because the others may be the last that know.
 */
export async function reconcileUsage(sql: postgres.Sql, options: ReconcileOptions): Promise<ReconcileReport> {
  const days = await listReconcilableDays(sql, options.days);
  const faulty: FaultyPart[] = [];
  const differences: BookDifference[] = [];
  const checked = { parts: 0, hours: 0, days: 0, windows: 0, windows_too_old: 0 };
  for (const [index, { day, isComputed }] of days.entries()) {
    const parts = await findPartDifferences(sql, day);
    faulty.push(...parts.faulty);
    const hours = await findHourDifferences(sql, day);
    const daily = isComputed ? await findDayDifferences(sql, day) : { rows: 0, differences: [] };
    checked.parts += parts.rows;
    checked.hours += hours.rows;
    checked.days += daily.rows;
    differences.push(...parts.differences, ...hours.differences, ...daily.differences);
    await options.updateProgress?.(Math.round((90 * (index + 1)) / days.length));
  }
  const fromMs = Date.parse(`${days[0]?.day ?? "1970-01-01"}T00:00:00Z`);
  const toMs = Date.parse(`${days.at(-1)?.day ?? "1970-01-01"}T00:00:00Z`) + dayMs;
  // Of a part of the days no budget can be known.
  const budgets =
    options.days === null && days.length > 0 ? await findBudgetDrift(sql, new Date(fromMs).toISOString()) : null;
  checked.windows = budgets?.windows ?? 0;
  checked.windows_too_old = budgets?.tooOld ?? 0;
  const drift = budgets?.drift ?? [];
  differences.push(...drift.map(makeBudgetDifference));

  const explained = explainDifferences(differences, faulty);
  const mayRepairBudgets = faulty.length === 0;
  const isRepairable = ({ book }: ExplainedDifference): boolean =>
    book === "budget" ? mayRepairBudgets : book !== "ledger";
  const { repair } = options;
  const report = makeReport(fromMs, toMs, checked, explained, repair === null ? () => false : isRepairable);
  if (repair !== null) {
    await runRollupTransaction(sql, async (transaction) => {
      await repairRollups(transaction, explained);
      if (mayRepairBudgets) await repairBudgets(transaction, drift);
      await repair(transaction, report);
    });
  }
  return report;
}

function makeBudgetDifference({ windowId, startsAtMs, settledNanoUsd, expectedNanoUsd }: WindowDrift): BookDifference {
  return {
    book: "budget",
    atMs: startsAtMs,
    object: windowId,
    fields: ["settled_nano_usd"],
    expected: { requests: null, costNanoUsd: expectedNanoUsd },
    found: { requests: null, costNanoUsd: settledNanoUsd },
  };
}

async function repairRollups(
  transaction: postgres.TransactionSql,
  differences: readonly ExplainedDifference[],
): Promise<void> {
  const broken = new Set(
    differences.flatMap(({ book, object, atMs }) => (book === "ledger" && !object.startsWith("part:") ? [atMs] : [])),
  );
  const hoursByDay = new Map<string, Set<string>>();
  const days = new Set<string>();
  for (const { book, atMs } of differences) {
    if (atMs === null || (book !== "hour" && book !== "day" && book !== "day_key")) continue;
    const at = new Date(atMs).toISOString();
    const day = at.slice(0, 10);
    if (book !== "hour") days.add(day);
    else if (!broken.has(atMs)) {
      days.add(day);
      const known = hoursByDay.get(day);
      if (known === undefined) hoursByDay.set(day, new Set([at]));
      else known.add(at);
    }
  }
  for (const [day, hours] of hoursByDay) {
    await computeUsageHours(transaction, day, [...hours]);
    await touchUsageDays(transaction, `${day}T00:00:00Z`, `${day}T00:00:00Z`);
  }
  await recomputeUsageDays(transaction, [...days]);
}

/** What was settled since the look stays: the difference is added. Last, because ingest waits for the rows. */
async function repairBudgets(transaction: postgres.TransactionSql, drift: readonly WindowDrift[]): Promise<void> {
  for (const { windowId, settledNanoUsd, expectedNanoUsd } of drift) {
    await updateSettled(transaction, windowId, expectedNanoUsd - settledNanoUsd);
  }
}

function makeReport(
  fromMs: number,
  toMs: number,
  checked: ReconcileReport["checked"],
  differences: readonly ExplainedDifference[],
  isRepaired: (difference: ExplainedDifference) => boolean,
): ReconcileReport {
  const byCause = { lost: 0, doubled: 0, wrong_price: 0, wrong_period: 0, rollup_drift: 0, budget_drift: 0 };
  for (const { cause } of differences) byCause[cause] += 1;
  const figures = ({ requests, costNanoUsd }: BookDifference["expected"]) => ({
    requests,
    cost_usd: costNanoUsd === null ? null : formatUsd(costNanoUsd),
  });
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    clean: differences.length === 0,
    checked,
    by_cause: byCause,
    found: differences.length,
    repaired: differences.filter(isRepaired).length,
    differences: differences.slice(0, shownMax).map((difference) => ({
      book: difference.book,
      cause: difference.cause,
      at: difference.atMs === null ? null : new Date(difference.atMs).toISOString(),
      object: difference.object,
      fields: [...difference.fields],
      expected: figures(difference.expected),
      found: figures(difference.found),
      repaired: isRepaired(difference),
    })),
  };
}
