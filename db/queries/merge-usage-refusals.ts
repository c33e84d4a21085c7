import type postgres from "postgres";
import { addStates, counters, hourOf, matchSeries, sketches, stateNames } from "../rollup-columns.ts";
import { insertUsageSeries, openRollupMonths, runRollupTransaction, touchUsageDays } from "./rollup-transaction.ts";

/** {@link stateNames} of refusals alone. */
const refusalStates = [
  ...counters.map((name) => (name === "refusals" ? "sum(e.refusals)::bigint" : "0::bigint")),
  "null::timestamptz",
  "null::timestamptz",
  ...sketches.map(() => "'{}'::integer[]"),
].join(", ");

/** The rows that this run has marked. */
const source = "from (select *, '' as provider from usage_refusal where merged_at = $1::timestamptz) e";

/**
 * Adds the refusals that gateways have flushed to the hours, each row exactly once, and marks them merged, in one
 * transaction. Marked rows stay for a day, so that a flush that is repeated after a lost answer still meets its own.
 *
 * @param beforeCommit runs inside the transaction, last.
 * @returns how many refusals were added.
 */
export async function mergeUsageRefusals(
  sql: postgres.Sql,
  beforeCommit: () => void = () => undefined,
): Promise<number> {
  return await runRollupTransaction(sql, async (transaction) => {
    await transaction`delete from usage_refusal where merged_at < now() - interval '1 day'`;
    // The mark of this run alone: the clock goes on, and there is one run at a time.
    const [run] = await transaction<{ mark: string }[]>`select clock_timestamp()::text as mark`;
    const mark = run?.mark ?? "";
    const [span] = await transaction<{ rows: number; first: string; last: string }[]>`
      with marked as (
        update usage_refusal set merged_at = ${mark}::timestamptz where merged_at is null returning hour
      )
      select count(*)::int as rows, min(hour)::text as first, max(hour)::text as last from marked`;
    if (span === undefined || span.rows === 0) return 0;
    await openRollupMonths(transaction, span.first, span.last);
    await insertUsageSeries(transaction, source, [mark]);
    const [row] = await transaction.unsafe<{ refusals: string; days: string[] }[]>(
      `with grouped as materialized (
        select ${hourOf("e.hour")}, s.series_id, ${refusalStates}
        ${source} join usage_series s on ${matchSeries("e")}
        group by 1, 2
      ), added as (
        insert into usage_hour as h (hour, series_id, ${stateNames})
        select * from grouped order by 1, 2
        on conflict (hour, series_id) do update set ${addStates}
      )
      select sum(refusals)::text as refusals, array_agg(distinct to_char(hour at time zone 'UTC', 'YYYY-MM-DD')) as days
      from grouped as g (hour, series_id, requests, errors, refusals)`,
      [mark],
    );
    await touchUsageDays(transaction, row?.days ?? []);
    beforeCommit();
    return Number(row?.refusals ?? 0);
  });
}
