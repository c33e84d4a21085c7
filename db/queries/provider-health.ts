import type postgres from "postgres";
import type { ProviderReport } from "../../server/core/provider-report.ts";

/** A report that was not renewed for this long is of a process that has ended. */
const staleSeconds = 30;

/** Writes what a process sees of its providers in place of what it saw before, and deletes what nobody renews any more. */
export async function updateProviderHealth(
  sql: postgres.Sql,
  process: string,
  reports: readonly ProviderReport[],
): Promise<void> {
  const rows = reports.map((report) => ({
    model: report.model,
    provider: report.provider,
    type: report.type,
    state: report.state,
    in_flight: report.inFlight,
    successes: report.successes,
    failures: report.failures,
    openings: report.openings,
    refused: report.refused,
    latency_ms: report.latencyMs,
    last_failure: report.lastFailure,
    last_failure_at: report.lastFailureAt?.toISOString() ?? null,
  }));
  await sql`
    with gone as (
      delete from provider_health where process <> ${process} and reported_at < now() - make_interval(secs => ${10 * staleSeconds})
    )
    insert into provider_health (process, model, provider, type, state, in_flight, successes, failures, openings, refused,
      latency_ms, last_failure, last_failure_at, reported_at)
    select ${process}, r.model, r.provider, r.type, r.state, r.in_flight, r.successes, r.failures, r.openings, r.refused,
      r.latency_ms, r.last_failure, r.last_failure_at, now()
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as r (model text, provider text, type text, state text,
      in_flight int, successes bigint, failures bigint, openings bigint, refused bigint, latency_ms real, last_failure text,
      last_failure_at timestamptz)
    on conflict (process, model, provider) do update set type = excluded.type, state = excluded.state,
      in_flight = excluded.in_flight, successes = excluded.successes, failures = excluded.failures,
      openings = excluded.openings, refused = excluded.refused, latency_ms = excluded.latency_ms,
      last_failure = excluded.last_failure, last_failure_at = excluded.last_failure_at, reported_at = excluded.reported_at`;
}

/** Takes back what a process that ends has reported. */
export async function deleteProviderHealth(sql: postgres.Sql, process: string): Promise<void> {
  await sql`delete from provider_health where process = ${process}`;
}

/** What the processes that run see of each provider, put together. */
export async function listProviderHealth(sql: postgres.Sql): Promise<(ProviderReport & { processes: number })[]> {
  const rows = await sql<
    {
      model: string;
      provider: string;
      type: string;
      state: ProviderReport["state"];
      in_flight: number;
      successes: string;
      failures: string;
      openings: string;
      refused: string;
      latency_ms: number | null;
      last_failure: string | null;
      last_failure_at: string | null;
      processes: number;
    }[]
  >`
    select model, provider, max(type) as type,
      case when bool_or(state = 'open') then 'open' when bool_or(state = 'half_open') then 'half_open' else 'closed' end as state,
      sum(in_flight)::int as in_flight, sum(successes) as successes, sum(failures) as failures, sum(openings) as openings,
      sum(refused) as refused, avg(latency_ms)::float8 as latency_ms,
      (array_agg(last_failure order by last_failure_at desc nulls last))[1] as last_failure,
      max(last_failure_at) as last_failure_at, count(*)::int as processes
    from provider_health where reported_at > now() - make_interval(secs => ${staleSeconds})
    group by model, provider order by model, provider`;
  return rows.map((row) => ({
    model: row.model,
    provider: row.provider,
    type: row.type,
    state: row.state,
    inFlight: row.in_flight,
    successes: Number(row.successes),
    failures: Number(row.failures),
    openings: Number(row.openings),
    refused: Number(row.refused),
    latencyMs: row.latency_ms,
    lastFailure: row.last_failure,
    lastFailureAt: row.last_failure_at === null ? null : new Date(row.last_failure_at),
    processes: row.processes,
  }));
}
