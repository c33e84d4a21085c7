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
    const [row] = await transaction<{ opened: number }[]>`
      select count(*) filter (where open_usage_partition((now() at time zone 'UTC')::date + ahead))::int as opened
      from generate_series(0, ${daysAhead}::int) as ahead`;
    return row?.opened ?? 0;
  });
}
