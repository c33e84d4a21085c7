import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import type { ClusterMember } from "./cluster-member.ts";
import { listLawBreaks } from "./ledger-laws.ts";
import {
  type BudgetLimits,
  compareLedger,
  isUpstreamBusy,
  type LedgerRow,
  type LedgerVerdict,
  listLedgerRows,
  loadUpstreamLog,
} from "./ledger-oracle.ts";
import { waitUntil } from "./wait-until.ts";

/** What was found once everything was quiet. */
export interface ClusterFindings {
  verdict: LedgerVerdict;
  rows: LedgerRow[];
  /** Each with what is wrong; none where all is well. */
  problems: string[];
}

/**
 * Compares until nothing is missing and every law of the books holds, at most so long.
 *
 * @param mayBeOver public ids of keys whose budget may be passed.
 */
export async function settleFindings(
  sql: postgres.Sql,
  upstreamLog: string,
  limits: BudgetLimits,
  settleMs: number,
  mayBeOver: ReadonlySet<string>,
): Promise<ClusterFindings> {
  await waitUntil(() => !isUpstreamBusy(upstreamLog), "the upstream has ended all answers", 30_000);
  const dispatches = loadUpstreamLog(upstreamLog);
  for (const deadlineMs = performance.now() + settleMs; ; ) {
    const rows = await listLedgerRows(sql);
    const verdict = compareLedger(dispatches, rows, limits);
    const broken = await listLawBreaks(sql, mayBeOver);
    const isSettled = verdict.missing.length === 0 && broken.length === 0;
    if (isSettled || performance.now() > deadlineMs) {
      return { verdict, rows, problems: [...listVerdictProblems(verdict), ...broken] };
    }
    await askForLeases(sql);
    await sleep(200);
  }
}

/** A process keeps an unused surplus for a minute where there is plenty, unless another is in need of it. */
export async function askForLeases(sql: postgres.Sql): Promise<void> {
  const [books] = await sql`select to_regclass('budget_window') as found`;
  if (books?.found === null) return;
  await sql`select pg_notify('budget_pressure', 'oracle ' || window_id) from budget_window where leased_nano_usd > 0`;
}

function listVerdictProblems({ missing, duplicate, under, over, wrong, overspent }: LedgerVerdict): string[] {
  return Object.entries({ missing, duplicate, under, over, wrong, overspent })
    .filter(([, found]) => found.length > 0)
    .map(([name, found]) => `${found.length} ${name}: ${found.slice(0, 5).join(", ")}`);
}

/** A valid key is never told that it is none: our own fault is a 5xx. */
export function listRefusalProblems(statuses: ReadonlyMap<number, number>): string[] {
  return [401, 403]
    .filter((status) => statuses.has(status))
    .map((status) => `${statuses.get(status)} answers of ${status} to a valid key`);
}

/** What a process that was stopped in order left in its folder. */
export function listJournalProblems(members: readonly ClusterMember[]): string[] {
  return members
    .map(({ dataDir }) => join(dataDir, "journal"))
    .filter((folder) => existsSync(folder) && readdirSync(folder).length > 0)
    .map((folder) => `a journal was left: ${readdirSync(folder).join(", ")}`);
}
