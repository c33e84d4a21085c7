import postgres from "postgres";
import type { DropOutcome } from "./drop-usage-partition.ts";

const lockNotAvailable = "55P03";

/** Months (`YYYY-MM`, UTC) of hours that lie wholly before the last `hourDays` days, the oldest first. */
export async function listOldUsageMonths(sql: postgres.Sql, hourDays: number): Promise<string[]> {
  const rows = await sql<{ month: string }[]>`
    select to_char(month, 'YYYY-MM') as month
    from (
      select to_date(right(c.relname, 6), 'YYYYMM') as month
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'usage_hour'::regclass and c.relname ~ '^usage_hour_[0-9]{6}$'
    ) as partitions
    where month + interval '1 month' <= (now() at time zone 'UTC')::date - ${hourDays}::int
    order by 1`;
  return rows.map(({ month }) => month);
}

/**
 * Drops the hours of one month, unless something that belongs into them is not merged, or a day has to be computed from them.
 * Ingest never needs the lock that this takes; merges and readers of hours wait a quarter of a second at most.
 */
export async function dropUsageHours(sql: postgres.Sql, month: string): Promise<DropOutcome> {
  try {
    return await sql.begin(async (transaction) => {
      await transaction`set local lock_timeout = '250ms'`;
      const [row] = await transaction<{ dropped: boolean }[]>`
        select drop_usage_hours(${`${month}-01`}::date) as dropped`;
      return row?.dropped === true ? "dropped" : "kept";
    });
  } catch (error) {
    if (error instanceof postgres.PostgresError && error.code === lockNotAvailable) return "busy";
    throw error;
  }
}

/** Creates the months of hours and days of today and of the next month, so that no merge has to. */
export async function openUsageMonths(sql: postgres.Sql): Promise<number> {
  return await sql.begin(async (transaction) => {
    await transaction`set local lock_timeout = '1s'`;
    const [row] = await transaction<{ opened: number }[]>`
      select count(*) filter (where open_usage_rollups(month::date))::int as opened
      from generate_series(
        date_trunc('month', now() at time zone 'UTC'), now() at time zone 'UTC' + interval '1 month', interval '1 month'
      ) as month`;
    return row?.opened ?? 0;
  });
}

/** Deletes the networks of unknown keys whose day lies before the last `days` days. */
export async function deleteOldNetworks(sql: postgres.Sql, days: number): Promise<number> {
  const result =
    await sql`delete from usage_unknown_network where day < (now() at time zone 'UTC')::date - ${days}::int`;
  return result.count;
}
