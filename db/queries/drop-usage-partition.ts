import postgres from "postgres";

/** `kept`: something in it is not merged yet. `busy`: a reader or writer did not let go in time; try again later. */
export type DropOutcome = "dropped" | "kept" | "busy";

const lockNotAvailable = "55P03";

/** Days (`YYYY-MM-DD`, UTC) of partitions that lie wholly before the last `rawDays` days, the oldest first. */
export async function listOldUsageDays(sql: postgres.Sql, rawDays: number): Promise<string[]> {
  const rows = await sql<{ day: string }[]>`
    select to_char(day, 'YYYY-MM-DD') as day
    from (
      select to_date(right(c.relname, 8), 'YYYYMMDD') as day
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'usage_event'::regclass and c.relname ~ '^usage_event_[0-9]{8}$'
    ) as partitions
    where day < (now() at time zone 'UTC')::date - ${rawDays}::int
    order by day`;
  return rows.map(({ day }) => day);
}

/**
 * Drops the partition of one day with all its events, unless a part that reaches into the day is not merged yet. The
 * check and the drop are one transaction under a lock that ingest would need, so that no late event is lost between
 * them; that lock is waited for at most a quarter of a second, which is the longest that ingest can be held up.
 */
export async function dropUsagePartition(sql: postgres.Sql, day: string): Promise<DropOutcome> {
  try {
    return await sql.begin(async (transaction) => {
      await transaction`set local lock_timeout = '250ms'`;
      const [row] = await transaction<{ dropped: boolean }[]>`select drop_usage_partition(${day}::date) as dropped`;
      return row?.dropped === true ? "dropped" : "kept";
    });
  } catch (error) {
    if (error instanceof postgres.PostgresError && error.code === lockNotAvailable) return "busy";
    throw error;
  }
}

/**
 * Deletes at most `rowsMax` rows of merged parts whose events lie wholly before the last `rawDays` days: nothing refers
 * to them once the partitions are gone.
 *
 * @returns how many were deleted; fewer than `rowsMax` means that no more are free.
 */
export async function deleteOldParts(sql: postgres.Sql, rawDays: number, rowsMax: number): Promise<number> {
  const [row] = await sql<{ deleted: number }[]>`
    select delete_usage_parts((now() at time zone 'UTC')::date - ${rawDays}::int, ${rowsMax}::int) as deleted`;
  return row?.deleted ?? 0;
}

/** Deletes at most `rowsMax` adjustments of events that retention has dropped. @returns how many; fewer means that no more are free. */
export async function deleteOldAdjustments(sql: postgres.Sql, rawDays: number, rowsMax: number): Promise<number> {
  const [row] = await sql<{ deleted: number }[]>`
    select delete_usage_adjustments((now() at time zone 'UTC')::date - ${rawDays}::int, ${rowsMax}::int) as deleted`;
  return row?.deleted ?? 0;
}
