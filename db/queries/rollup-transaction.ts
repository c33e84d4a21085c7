import type postgres from "postgres";
import { dimensions, listDimensions, matchSeries } from "../rollup-columns.ts";

/**
 * Runs a transaction that may write rollups. There is one at a time, whoever runs it: a merge is set-based and uses a core
 * anyway, and so no two of them meet on a row, none deadlocks, and a series has one row.
 */
export async function runRollupTransaction<T>(
  sql: postgres.Sql,
  run: (transaction: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  return (await sql.begin(async (transaction) => {
    // Sorts and hashes of a batch stay in memory; one such transaction runs at a time.
    await transaction`set local work_mem = '64MB'`;
    await transaction`set local lock_timeout = '60s'`;
    await transaction`select pg_advisory_xact_lock(hashtext('tollgate.usage_rollup'))`;
    return await run(transaction);
  })) as T;
}

/** Creates the months of hours and days that instants of this range fall into. */
export async function openRollupMonths(transaction: postgres.TransactionSql, first: string, last: string) {
  await transaction`
    select open_usage_rollups(month::date)
    from generate_series(
      date_trunc('month', ${first}::timestamptz at time zone 'UTC'), ${last}::timestamptz at time zone 'UTC', interval '1 month'
    ) as month
    where to_regclass('usage_day_key_' || to_char(month, 'YYYYMM')) is null`;
}

/**
 * Adds the series that rows of a source have and that are not there yet.
 *
 * @param source `from … where …` with the alias `e`, whose columns are {@link dimensions}.
 * @returns how many were new.
 */
export async function insertUsageSeries(
  transaction: postgres.TransactionSql,
  source: string,
  parameters: postgres.ParameterOrJSON<never>[],
): Promise<number> {
  const names = dimensions.join(", ");
  const added = await transaction.unsafe(
    `insert into usage_series (dims_hash, ${names})
    select hash_record_extended(row(${listDimensions("d")}), 0), ${listDimensions("d")}
    from (
      select distinct ${dimensions.map((name) => (name === "key_tags" ? "coalesce(e.key_tags, '{}') as key_tags" : `e.${name}`)).join(", ")} ${source}
    ) d
    where not exists (select from usage_series s where ${matchSeries("d")})`,
    parameters,
  );
  return added.count;
}

/** Notes that the days of these hours have to be computed anew. */
export async function touchUsageDays(transaction: postgres.TransactionSql, days: readonly string[]): Promise<void> {
  if (days.length === 0) return;
  await transaction`
    insert into usage_day_touched (day) select day::date from unnest(${[...days]}::text[]) as day
    on conflict (day) do update set touched_at = excluded.touched_at`;
}
