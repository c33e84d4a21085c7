import type postgres from "postgres";
import { addStates, counters, eventStates, hourOf, matchSeries, sketches, stateNames } from "../rollup-columns.ts";
import { computeUsageDay } from "./merge-usage-days.ts";
import { insertUsageSeries, openRollupMonths } from "./rollup-transaction.ts";

/** UTC days whose raw events are kept and, of those, the ones that rollups of days can be held against. `YYYY-MM-DD`. */
export async function listReconcilableDays(
  sql: postgres.Sql,
  days: number | null,
): Promise<{ day: string; isComputed: boolean }[]> {
  const rows = await sql<{ day: string; is_computed: boolean }[]>`
    select to_char(day, 'YYYY-MM-DD') as day,
      day < (now() at time zone 'UTC')::date and not exists (select from usage_day_touched t where t.day = kept.day) as is_computed
    from (
      select to_date(right(c.relname, 8), 'YYYYMMDD') as day
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'usage_event'::regclass and c.relname ~ '^usage_event_[0-9]{8}$'
    ) as kept
    where day <= (now() at time zone 'UTC')::date
      and (${days}::int is null or day > (now() at time zone 'UTC')::date - ${days}::int)
      and not exists (select from usage_hour_dropped d where d.month = date_trunc('month', kept.day)::date)
    order by kept.day`;
  return rows.map((row) => ({ day: row.day, isComputed: row.is_computed }));
}

const cleared = [
  ...counters.filter((name) => name !== "refusals").map((name) => `${name} = 0`),
  "first_at = null",
  "last_at = null",
  ...sketches.map((name) => `${name} = '{}'`),
].join(", ");

const adjustmentStates = [
  ...counters.map((name) => {
    if (name === "cost_nano_usd") return "sum(a.delta_nano_usd)::bigint";
    return name === "unpriced_requests" ? "-count(*) filter (where a.was_unpriced)" : "0::bigint";
  }),
  "null::timestamptz",
  "null::timestamptz",
  ...sketches.map(() => "'{}'::integer[]"),
].join(", ");

/**
 * Computes hours of one UTC day anew from the raw events of merged parts and their adjustments; refusals stay as they are.
 * Belongs into a transaction of rollups.
 *
 * @param hours instants, RFC 3339.
 */
export async function computeUsageHours(
  transaction: postgres.TransactionSql,
  day: string,
  hours: readonly string[],
): Promise<void> {
  await openRollupMonths(transaction, `${day}T00:00:00Z`, `${day}T00:00:00Z`);
  const parameters = [day, `{${hours.map((hour) => `"${hour}"`).join(",")}}`];
  const where = `e.at >= ($1::date)::timestamp at time zone 'UTC' and e.at < ($1::date + 1)::timestamp at time zone 'UTC'
    and ${hourOf("e.at")} = any ($2::timestamptz[])`;
  const merged = `${where} and not exists (select from usage_part p where p.part_id = e.part_id and p.merged_at is null)`;
  await transaction.unsafe(
    `update usage_hour set ${cleared} where hour = any ($2::timestamptz[]) and $1::date is not null`,
    parameters,
  );
  await insertUsageSeries(transaction, `from usage_event e where ${merged}`, parameters);
  const add = (select: string): string =>
    `insert into usage_hour as h (hour, series_id, ${stateNames}) ${select}
    on conflict (hour, series_id) do update set ${addStates}`;
  await transaction.unsafe(
    add(`select ${hourOf("e.at")}, s.series_id, ${eventStates}
    from usage_event e join usage_series s on ${matchSeries("e")} where ${merged} group by 1, 2 order by 1, 2`),
    parameters,
  );
  await transaction.unsafe(
    add(`select ${hourOf("e.at")}, s.series_id, ${adjustmentStates}
    from usage_adjustment a join usage_event e on e.at = a.at and e.id = a.event_id
      join usage_series s on ${matchSeries("e")}
    where ${where} group by 1, 2 order by 1, 2`),
    parameters,
  );
  await transaction.unsafe(
    `delete from usage_hour where hour = any ($2::timestamptz[]) and $1::date is not null
      and requests = 0 and refusals = 0 and cost_nano_usd = 0 and unpriced_requests = 0`,
    parameters,
  );
}

/** Computes days anew from their hours, but those that are not over: the job does that when they are. */
export async function recomputeUsageDays(transaction: postgres.TransactionSql, days: readonly string[]): Promise<void> {
  for (const day of [...days].sort()) {
    const [row] = await transaction<
      { over: boolean }[]
    >`select ${day}::date < (now() at time zone 'UTC')::date as over`;
    if (row?.over !== true) continue;
    await transaction`delete from usage_day_touched where day = ${day}::date`;
    await computeUsageDay(transaction, day);
  }
}
