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

/** Longer is not worth a list of prices. */
const timeoutMs = 20_000;

/** Models and providers that were called since then, in one scan of those days. @throws `query_canceled` after 20 s. */
export async function listUsedModels(sql: postgres.Sql, since: Date): Promise<ModelUse[]> {
  const rows = await sql.begin("read only", async (transaction) => {
    await transaction`select set_config('statement_timeout', ${String(timeoutMs)}, true)`;
    return transaction<{ model: string; provider: string; requests: string; unpriced: string; last_used_at: string }[]>`
      select e.model, e.provider, count(*) as requests, max(e.at) as last_used_at,
        count(*) filter (where e.cost_nano_usd is null and a.event_id is null) as unpriced
      from usage_event e
      left join (
        select at, event_id from usage_adjustment where at >= ${since.toISOString()}::timestamptz and was_unpriced
      ) a on a.at = e.at and a.event_id = e.id
      where e.at >= ${since.toISOString()}::timestamptz
      group by e.model, e.provider order by e.model, e.provider`;
  });
  return rows.map((row) => ({
    model: row.model,
    provider: row.provider,
    requests: Number(row.requests),
    unpricedRequests: Number(row.unpriced),
    lastUsedAt: new Date(row.last_used_at),
  }));
}
