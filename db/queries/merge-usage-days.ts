import type postgres from "postgres";
import { addStates, mergedStates, stateNames, tidyStates } from "../rollup-columns.ts";
import { openRollupMonths, runRollupTransaction } from "./rollup-transaction.ts";

export interface MergedDay {
  /** `YYYY-MM-DD`, UTC. */
  day: string;
  /** Rows of `usage_day`. */
  rows: number;
}

/** Days that are over and whose hours changed since they were computed, the oldest first. `YYYY-MM-DD`. */
export async function listTouchedDays(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ day: string }[]>`
    select to_char(day, 'YYYY-MM-DD') as day from usage_day_touched
    where day < (now() at time zone 'UTC')::date order by usage_day_touched.day`;
  return rows.map(({ day }) => day);
}

/**
 * Computes the days of one UTC day anew from its hours, and takes the note off that they have to be, in one transaction.
 * Nothing is done for a day that is not touched.
 *
 * @param beforeCommit runs inside the transaction, last.
 * @returns `null` where somebody else did it meanwhile.
 */
export async function mergeUsageDay(
  sql: postgres.Sql,
  day: string,
  beforeCommit: () => void = () => undefined,
): Promise<MergedDay | null> {
  return await runRollupTransaction(sql, async (transaction) => {
    const touched = await transaction`delete from usage_day_touched where day = ${day}::date returning day`;
    if (touched.count === 0) return null;
    const rows = await computeUsageDay(transaction, day);
    beforeCommit();
    return { day, rows };
  });
}

/**
 * Replaces the rows of one UTC day by the sums of its hours. Where retention has dropped the hours, those that are there came
 * late: they are added to the day, and go.
 *
 * @returns how many rows `usage_day` was given.
 */
export async function computeUsageDay(transaction: postgres.TransactionSql, day: string): Promise<number> {
  const first = `${day}T00:00:00Z`;
  await openRollupMonths(transaction, first, first);
  const dropped = await transaction`
    select from usage_hour_dropped where month = date_trunc('month', ${day}::timestamp)::date`;
  const isWhole = dropped.count === 0;
  if (isWhole) await transaction`delete from usage_day where day = ${day}::date`;
  const days = await transaction.unsafe(
    `insert into usage_day as h (day, series_id, ${stateNames})
    select $2::date, t.series_id, ${tidyStates} from (
      select r.series_id, ${mergedStates} from usage_hour r
      where r.hour >= $1::timestamptz and r.hour < $1::timestamptz + interval '24 hours'
      group by 1 order by 1
    ) t
    on conflict (day, series_id) do update set ${addStates}`,
    [first, day],
  );
  if (!isWhole) {
    await transaction`
      delete from usage_hour where hour >= ${first}::timestamptz and hour < ${first}::timestamptz + interval '24 hours'`;
  }
  await transaction`delete from usage_day_key where day = ${day}::date`;
  await transaction.unsafe(
    `insert into usage_day_key (day, public_id, owner_id, ${stateNames})
    select $1::date, t.public_id, t.owner_id, ${tidyStates} from (
      select s.public_id, s.owner_id, ${mergedStates}
      from usage_day r join usage_series s using (series_id)
      where r.day = $1::date
      group by 1, 2 order by 1, 2
    ) t`,
    [day],
  );
  return days.count;
}
