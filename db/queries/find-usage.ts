import type postgres from "postgres";
import { makeUsagePlan } from "../../server/core/usage-plan.ts";
import type { UsageGroup, UsageOrder } from "../../server/core/usage-question.ts";
import { counters } from "../rollup-columns.ts";
import { Statement } from "../statement.ts";
import { findUsageFacts } from "./find-usage-facts.ts";
import { loadUsagePercentiles, type UsagePercentiles } from "./load-usage-percentiles.ts";
import type { UsageFilter } from "./usage-filter.ts";
import { listUsagePieces, type UsageReading } from "./usage-pieces.ts";
import { makeUsageRowsText } from "./usage-rows.ts";
import { type UsageCounter } from "./usage-sums.ts";

export interface UsageQuestion {
  filter: UsageFilter;
  groups: readonly UsageGroup[];
  /** Where the buckets of the range begin, in milliseconds since 1970, ascending; the first one's beginning is the range's. */
  starts: readonly number[];
  /** The range's end, without it. */
  toMs: number;
  /** The same of the range before, which ends where this one begins. */
  previousStarts: readonly number[];
  /** Minutes and networks, which no rollup holds. */
  rawOnly: boolean;
  top: number | null;
  orderBy: UsageOrder | null;
  ascending: boolean;
  percentiles: boolean;
  /** As retention keeps them. */
  rawDays: number;
  limit: number;
  /** The last row of the page before. */
  after: UsagePlace | null;
}

/** Where a row stands among all. */
export interface UsagePlace {
  sort: readonly string[];
  values: readonly (string | null)[];
}

/** Totals of some calls. Money is nano-USD. */
export interface UsageSum extends Record<Exclude<UsageCounter, "cost_nano_usd">, number> {
  cost_nano_usd: bigint;
  firstAt: Date | null;
  lastAt: Date | null;
  /** `null` where they were not asked for. */
  percentiles: UsagePercentiles | null;
}

export interface UsageGroupSum extends UsagePlace {
  /** Position of the bucket. */
  bucket: number;
  /** All groups that are not among the top. */
  isOther: boolean;
  sum: UsageSum;
  /** In the range before. */
  previous: UsageSum;
}

export interface UsageFound {
  rows: UsageGroupSum[];
  hasMore: boolean;
  total: UsageSum;
  previousTotal: UsageSum;
  isExact: boolean;
  /** False where they were not asked for, or would take too long. */
  hasPercentiles: boolean;
}

/** More are not read: each holds hundreds of counts, and all of them must be put together. */
const sketchesMax = 4_000;
/** Longer than this must no question hold a connection. */
const timeoutMs = 30_000;

export interface SumRow extends Record<UsageCounter, string> {
  what: "row" | "total";
  bucket: number | null;
  is_other: boolean | null;
  group_values: (string | null)[] | null;
  sort_1: string | null;
  sort_2: string | null;
  sort_3: string | null;
  is_current: boolean | null;
  first_at: string | null;
  last_at: string | null;
  /** How many are to be read for its percentiles. */
  sketches: string;
}

const hourMs = 3_600_000;

/**
 * Sums calls by any groups and buckets, and all of them: whole days from days, other hours from hours, and what is not merged
 * or stands in torn hours from raw events, all in one snapshot. Counts are exact.
 *
 * @throws PostgreSQL's `query_canceled` (57014) after 30 s.
 */
export async function findUsage(sql: postgres.Sql, question: UsageQuestion): Promise<UsageFound> {
  return await sql.begin("isolation level repeatable read read only", async (transaction) => {
    const reading = await openUsageReading(transaction, question);
    const statement = new Statement();
    const found = await statement.run<SumRow>(
      transaction,
      makeUsageRowsText(statement, listUsagePieces(statement, reading), question),
    );
    const rows = parseRows(found);
    const page = rows.slice(0, question.limit);
    const totals = { total: parseTotal(found, true), previousTotal: parseTotal(found, false) };
    const sketches = found.reduce((sum, row) => sum + (row.what === "total" ? Number(row.sketches) : 0), 0);
    const hasPercentiles = question.percentiles && sketches <= sketchesMax;
    if (hasPercentiles) await loadUsagePercentiles(transaction, reading, question, { rows: page, ...totals });
    return { rows: page, hasMore: rows.length > page.length, ...totals, isExact: reading.isExact, hasPercentiles };
  });
}

/** Finds out what the range is read from, as the transaction sees it, and bounds how long that may take. */
export async function openUsageReading(
  transaction: postgres.ISql,
  question: Pick<UsageQuestion, "filter" | "groups" | "starts" | "previousStarts" | "toMs" | "rawOnly" | "rawDays">,
): Promise<UsageReading & { isExact: boolean }> {
  await transaction`select set_config('statement_timeout', ${String(timeoutMs)}, true)`;
  const starts = [...question.previousStarts, ...question.starts];
  const fromMs = starts[0] as number;
  const facts = await findUsageFacts(transaction, { fromMs, toMs: question.toMs }, question.rawDays);
  // What has not happened yet tears no hour.
  const toMs = question.toMs >= facts.nowMs ? Math.ceil(question.toMs / hourMs) * hourMs : question.toMs;
  const today = Math.floor(facts.nowMs / (24 * hourMs));
  const { spans, isExact } = makeUsagePlan({
    fromMs,
    toMs,
    cuts: starts,
    rawSinceMs: facts.rawSinceMs,
    hoursSinceMs: facts.hoursSinceMs,
    rawOnly: question.rawOnly,
    isDayReady: (day) => day < today && !facts.touchedDays.has(day),
  });
  const { unmerged, hasUnmergedRefusals, hoursSinceMs } = facts;
  const { filter, groups, rawOnly } = question;
  return { filter, groups, starts, spans, hoursSinceMs, unmerged, hasUnmergedRefusals, rawOnly, isExact };
}

/** Rows of one place follow each other: what it is, and what it was before. */
function parseRows(found: readonly SumRow[]): UsageGroupSum[] {
  const rows: UsageGroupSum[] = [];
  let last = "";
  for (const row of found) {
    if (row.what !== "row") continue;
    const values = row.group_values ?? [];
    const sort = [row.sort_1 ?? "0", row.sort_2 ?? "0", row.sort_3 ?? "0"];
    const name = JSON.stringify([row.bucket, row.is_other, values]);
    if (name !== last) {
      const place = { bucket: (row.bucket ?? 1) - 1, isOther: row.is_other === true, sort, values };
      rows.push({ ...place, sum: makeEmptySum(), previous: makeEmptySum() });
    }
    last = name;
    const place = rows.at(-1) as UsageGroupSum;
    place[row.is_current === true ? "sum" : "previous"] = parseSum(row);
  }
  return rows;
}

function parseTotal(found: readonly SumRow[], isCurrent: boolean): UsageSum {
  const row = found.find(({ what, is_current }) => what === "total" && is_current === isCurrent);
  return row === undefined ? makeEmptySum() : parseSum(row);
}

export function parseSum(row: SumRow): UsageSum {
  const counts = Object.fromEntries(counters.map((counter) => [counter, Number(row[counter])]));
  return {
    ...(counts as Record<UsageCounter, number>),
    cost_nano_usd: BigInt(row.cost_nano_usd),
    firstAt: row.first_at === null ? null : new Date(row.first_at),
    lastAt: row.last_at === null ? null : new Date(row.last_at),
    percentiles: null,
  };
}

function makeEmptySum(): UsageSum {
  const counts = Object.fromEntries(counters.map((counter) => [counter, 0]));
  const none = { firstAt: null, lastAt: null, percentiles: null };
  return { ...(counts as Record<UsageCounter, number>), cost_nano_usd: 0n, ...none };
}
