import type postgres from "postgres";

/** What a key did in a period. Money is nano-USD. */
export interface KeySpend {
  since: Date;
  requests: number;
  errors: number;
  costNanoUsd: bigint;
}

/** A key's use in the current day and calendar month of UTC by database time, from one scan of the month's partitions; adjustments count. */
export async function findKeySpend(sql: postgres.Sql, publicId: string): Promise<{ day: KeySpend; month: KeySpend }> {
  const rows = await sql<{ unit: string; since: string; requests: string; errors: string; cost: string }[]>`
    with period as (
      select unit, date_trunc(unit, now(), 'UTC') as since from unnest(array['day', 'month']) as unit
    )
    select unit, since, count(e.at) as requests, count(e.at) filter (where e.status >= 400) as errors,
      coalesce(sum(e.cost_nano_usd), 0) + coalesce(sum(a.delta), 0) as cost
    from period left join usage_event e
      on e.public_id = ${publicId} and e.at >= date_trunc('month', now(), 'UTC') and e.at >= period.since
    left join (
      select at, event_id, sum(delta_nano_usd) as delta from usage_adjustment
      where at >= date_trunc('month', now(), 'UTC') group by 1, 2
    ) a on a.at = e.at and a.event_id = e.id
    group by unit, since`;
  const find = (unit: string): KeySpend => {
    const row = rows.find((candidate) => candidate.unit === unit);
    if (row === undefined) throw new Error(`no row for ${unit}`);
    return {
      since: new Date(row.since),
      requests: Number(row.requests),
      errors: Number(row.errors),
      costNanoUsd: BigInt(row.cost),
    };
  };
  return { day: find("day"), month: find("month") };
}
