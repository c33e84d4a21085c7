import type postgres from "postgres";

/** How much one model was called at one provider. */
export interface ModelUse {
  model: string;
  provider: string;
  requests: number;
  /** Of these the ones without a cost. */
  unpricedRequests: number;
  lastUsedAt: Date;
}

/** Models and providers that were called since the beginning of that hour: from hours, and what is not merged from raw events. */
export async function listUsedModels(sql: postgres.Sql, since: Date): Promise<ModelUse[]> {
  const from = new Date(Math.floor(since.getTime() / 3_600_000) * 3_600_000).toISOString();
  const rows = await sql<
    { model: string; provider: string; requests: string; unpriced: string; last_used_at: string }[]
  >`
    select model, provider, sum(requests) as requests, sum(unpriced) as unpriced, max(last_at) as last_used_at
    from (
      select s.model, s.provider, h.requests, h.unpriced, h.last_at
      from (
        select series_id, sum(requests) as requests, sum(unpriced_requests) as unpriced, max(last_at) as last_at
        from usage_hour where hour >= ${from}::timestamptz group by series_id
      ) h join usage_series s using (series_id)
      union all
      select e.model, e.provider, 1, (e.cost_nano_usd is null)::int, e.at
      from usage_event e
      where e.at >= greatest(${from}::timestamptz, (select min(first_at) from usage_part where merged_at is null))
        and e.at <= (select max(last_at) from usage_part where merged_at is null)
        and e.part_id in (select part_id from usage_part where merged_at is null)
    ) used
    group by model, provider having sum(requests) > 0 order by model, provider`;
  return rows.map((row) => ({
    model: row.model,
    provider: row.provider,
    requests: Number(row.requests),
    unpricedRequests: Number(row.unpriced),
    lastUsedAt: new Date(row.last_used_at),
  }));
}
