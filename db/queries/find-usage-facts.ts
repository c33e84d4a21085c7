import type postgres from "postgres";
import type { Span } from "../../server/core/usage-plan.ts";
import { listUnmergedSpans } from "./list-unmerged-spans.ts";

/** What decides which tables a question about usage is answered from. Milliseconds since 1970. */
export interface UsageFacts {
  nowMs: number;
  /** Days since 1970 that hours say more of than days. Days from today on are never right. */
  touchedDays: ReadonlySet<number>;
  /** Raw events of this instant and later are all kept, but for days that never had any. */
  rawSinceMs: number;
  /** Hours from this instant on are kept. Earlier ones are there only where they came late, and are not in their day yet. */
  hoursSinceMs: number;
  /** Where events of parts lie that hours do not hold yet. */
  unmerged: readonly Span[];
  hasUnmergedRefusals: boolean;
}

interface Row {
  now_ms: string;
  touched: number[];
  raw_ms: string | null;
  hours_ms: string | null;
  first_hour_ms: string | null;
  has_refusals: boolean;
}

const dayMs = 86_400_000;

/**
 * Looks at the range's state in the transaction's snapshot.
 *
 * @param rawDays as retention keeps them: what is older may be gone by the next look.
 */
export async function findUsageFacts(
  transaction: postgres.ISql,
  range: { fromMs: number; toMs: number },
  rawDays: number,
): Promise<UsageFacts> {
  const from = new Date(range.fromMs).toISOString();
  const to = new Date(range.toMs).toISOString();
  const [row] = await transaction<Row[]>`
    select floor(extract(epoch from now()) * 1000) as now_ms,
      (select coalesce(json_agg(day - date 'epoch'), '[]') from usage_day_touched) as touched,
      (select extract(epoch from to_timestamp(min(right(c.relname, 8)) || '+00', 'YYYYMMDDTZH')) * 1000
        from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'usage_event'::regclass) as raw_ms,
      (select extract(epoch from max(month) + interval '1 month') * 1000 from usage_hour_dropped) as hours_ms,
      (select extract(epoch from min(hour)) * 1000 from usage_hour) as first_hour_ms,
      exists (select from usage_refusal where merged_at is null and hour < ${to} and hour >= ${from}) as has_refusals`;
  if (row === undefined) throw new Error("a question without FROM always has a row");
  const nowMs = Number(row.now_ms);
  const keptMs = (Math.floor(nowMs / dayMs) - rawDays) * dayMs;
  return {
    nowMs,
    touchedDays: new Set(row.touched),
    rawSinceMs: findRawSince(row.raw_ms === null ? keptMs : Math.max(Number(row.raw_ms), keptMs), row),
    hoursSinceMs: row.hours_ms === null ? Number.NEGATIVE_INFINITY : Number(row.hours_ms),
    unmerged: await listUnmergedSpans(transaction, range),
    hasUnmergedRefusals: row.has_refusals,
  };
}

/** Nothing is missing where no rollup knows of anything earlier. */
function findRawSince(keptSinceMs: number, row: Row): number {
  const isWhole = row.hours_ms === null && (row.first_hour_ms === null || Number(row.first_hour_ms) >= keptSinceMs);
  return isWhole ? Number.NEGATIVE_INFINITY : keptSinceMs;
}
