import type postgres from "postgres";
import type { Span } from "../../server/core/usage-plan.ts";

/** Where events of parts lie that are not merged yet, as spans that do not meet, in order. */
export async function listUnmergedSpans(transaction: postgres.ISql, { fromMs, toMs }: Span): Promise<Span[]> {
  const from = new Date(fromMs).toISOString();
  const to = Number.isFinite(toMs) ? new Date(toMs).toISOString() : "infinity";
  const rows = await transaction<{ from_ms: string; to_ms: string }[]>`
    with part as (
      select first_at, last_at, max(last_at) over (order by first_at rows between unbounded preceding and 1 preceding) as before
      from usage_part where merged_at is null and first_at < ${to} and last_at >= ${from}
    ), island as (
      select first_at, last_at, count(*) filter (where before is null or before < first_at) over (order by first_at) as number
      from part
    )
    select floor(extract(epoch from min(first_at)) * 1000) as from_ms, floor(extract(epoch from max(last_at)) * 1000) + 1 as to_ms
    from island group by number order by 1`;
  return rows.map((row) => ({ fromMs: Number(row.from_ms), toMs: Number(row.to_ms) }));
}
