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
    // Nobody waits for long for a process that was frozen in the middle; its work is undone, and done by another.
    await transaction`set local idle_in_transaction_session_timeout = '10s'`;
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
    where to_regclass('usage_day_key_' || to_char(month, 'YYYYMM')) is null
      or to_regclass('usage_hour_' || to_char(month, 'YYYYMM')) is null`;
}

/**
 * Adds the series that rows of a source have and that are not there yet.
 *
 * @param source `from … where …` with the alias `e`, whose columns are {@link dimensions}.
 * @returns how many rows the source has.
 */
export async function insertUsageSeries(
  transaction: postgres.TransactionSql,
  source: string,
  parameters: postgres.ParameterOrJSON<never>[],
): Promise<number> {
  const names = dimensions.join(", ");
  const values = listDimensions("d");
  const [row] = await transaction.unsafe<{ rows: string }[]>(
    `with found (${names}, rows) as materialized (
      select ${listDimensions("e")}, count(*) ${source} group by ${dimensions.map((_, index) => index + 1).join(", ")}
    ), added as (
      insert into usage_series (dims_hash, ${names})
      select hash_record_extended(row(${values}), 0), ${values} from found d
      where not exists (select from usage_series s where ${matchSeries("d")})
    )
    select coalesce(sum(rows), 0)::text as rows from found`,
    parameters,
  );
  return Number(row?.rows ?? 0);
}

/** Notes that the days (UTC) from one instant to another have to be computed anew. */
export async function touchUsageDays(transaction: postgres.TransactionSql, first: string, last: string): Promise<void> {
  await transaction`
    insert into usage_day_touched (day)
    select day::date from generate_series(
      date_trunc('day', ${first}::timestamptz at time zone 'UTC'), ${last}::timestamptz at time zone 'UTC', interval '1 day'
    ) as day
    on conflict (day) do update set touched_at = excluded.touched_at`;
}
