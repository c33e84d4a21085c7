import type postgres from "postgres";

/** How far the rollups are behind. What is behind is read from raw events meanwhile: answers are current all the same. */
export interface RollupLag {
  /** Parts, and their events, that are not in the hours yet. */
  parts: number;
  events: number;
  /** Age of the oldest of them in seconds; 0 where there is none. */
  oldestSeconds: number;
  /** Refusals that are not in the hours yet. */
  refusals: number;
  /** Days that are over and have to be computed from their hours. */
  days: number;
}

export async function findRollupLag(sql: postgres.Sql): Promise<RollupLag> {
  const [row] = await sql<{ parts: string; events: string; seconds: string; refusals: string; days: string }[]>`
    select count(*) as parts, coalesce(sum(events), 0) as events,
      coalesce(extract(epoch from now() - min(created_at)), 0) as seconds,
      (select coalesce(sum(refusals), 0) from usage_refusal where merged_at is null) as refusals,
      (select count(*) from usage_day_touched where day < (now() at time zone 'UTC')::date) as days
    from usage_part where merged_at is null`;
  return {
    parts: Number(row?.parts ?? 0),
    events: Number(row?.events ?? 0),
    oldestSeconds: Math.max(0, Number(row?.seconds ?? 0)),
    refusals: Number(row?.refusals ?? 0),
    days: Number(row?.days ?? 0),
  };
}
