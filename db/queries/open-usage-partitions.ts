import type postgres from "postgres";

/**
 * Creates the partitions of today (UTC, by the database's clock) and of the days after it. Those that are there are left
 * alone. Ingest goes on meanwhile: ATTACH does not conflict with it.
 *
 * @returns how many were created.
 */
export async function openUsagePartitions(sql: postgres.Sql, daysAhead: number): Promise<number> {
  return await sql.begin(async (transaction) => {
    await transaction`set local lock_timeout = '1s'`;
    // The function's own lock, taken before anything is looked up: whoever waited for it then sees what the other made.
    await transaction`select pg_advisory_xact_lock(hashtext('tollgate.usage_event.partition'))`;
    const [row] = await transaction<{ opened: number }[]>`
      select count(*) filter (where open_usage_partition(missing.day))::int as opened
      from (
        select (now() at time zone 'UTC')::date + ahead as day
        from generate_series(0, ${daysAhead}::int) as ahead
      ) as missing
      where not exists (
        select from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'usage_event'::regclass and c.relname = 'usage_event_' || to_char(missing.day, 'YYYYMMDD')
      )`;
    return row?.opened ?? 0;
  });
}
