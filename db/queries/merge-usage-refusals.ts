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
    const [span] = await transaction<{ refusals: string; first: string | null; last: string | null }[]>`
      with marked as (
        update usage_refusal set merged_at = ${mark}::timestamptz where merged_at is null returning hour, refusals
      )
      select coalesce(sum(refusals), 0)::text as refusals, min(hour)::text as first, max(hour)::text as last from marked`;
    if (span === undefined || span.first === null || span.last === null) return 0;
    await openRollupMonths(transaction, span.first, span.last);
    await insertUsageSeries(transaction, source, [mark]);
    await transaction.unsafe(
      `insert into usage_hour as h (hour, series_id, ${stateNames})
      select ${hourOf("e.hour")}, s.series_id, ${refusalStates}
      ${source} join usage_series s on ${matchSeries("e")}
      group by 1, 2 order by 1, 2
      on conflict (hour, series_id) do update set ${addStates}`,
      [mark],
    );
    await touchUsageDays(transaction, span.first, span.last);
    beforeCommit();
    return Number(span.refusals);
  });
}
