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
  const name = `usage_event_${day.replaceAll("-", "")}`;
  try {
    return await sql.begin(async (transaction) => {
      await transaction`set local lock_timeout = '250ms'`;
      await transaction`lock table only usage_event in access exclusive mode`;
      const [row] = await transaction<{ unmerged: boolean }[]>`
        select exists (
          select from usage_part
          where merged_at is null and first_at < (${day}::date + 1)::timestamp at time zone 'UTC'
            and last_at >= ${day}::date::timestamp at time zone 'UTC'
        ) as unmerged`;
      if (row?.unmerged !== false) return "kept";
      await transaction`drop table if exists ${transaction(name)}`;
      return "dropped";
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
  const result = await sql`
    delete from usage_part where part_id in (
      select part_id from usage_part p
      where merged_at is not null and last_at < ((now() at time zone 'UTC')::date - ${rawDays}::int)::timestamp at time zone 'UTC'
        and to_regclass('usage_event_' || to_char(p.first_at at time zone 'UTC', 'YYYYMMDD')) is null
        and to_regclass('usage_event_' || to_char(p.last_at at time zone 'UTC', 'YYYYMMDD')) is null
      limit ${rowsMax}
      for update skip locked
    )`;
  return result.count;
}
