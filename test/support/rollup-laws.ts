import type postgres from "postgres";

/** What usage can be grouped by: a name, and how raw events and a series say it. */
const groupings: readonly (readonly [name: string, raw: string, series: string])[] = [
  ["all", "1", "1"],
  ["key", "e.public_id", "s.public_id"],
  ["owner", "e.owner_id", "s.owner_id"],
  ["model", "e.model", "s.model"],
  ["provider", "e.provider", "s.provider"],
  ["endpoint", "e.endpoint", "s.endpoint"],
  ["status and code", "e.status || ' ' || e.code", "s.status || ' ' || s.code"],
  ["origin", "e.origin", "s.origin"],
  ["tag customer_id", "e.key_tags ->> 'customer_id'", "s.key_tags ->> 'customer_id'"],
  ["tag team", "e.key_tags ->> 'team'", "s.key_tags ->> 'team'"],
  ["key and model", "e.public_id || ' ' || e.model", "s.public_id || ' ' || s.model"],
];

const sums = [
  ["count(*)", "requests"],
  ["count(case when e.status >= 400 then 1 end)", "errors"],
  ["sum(e.input_tokens)", "input_tokens"],
  ["sum(e.cached_input_tokens)", "cached_input_tokens"],
  ["sum(e.cache_write_tokens)", "cache_write_tokens"],
  ["sum(e.output_tokens)", "output_tokens"],
  ["sum(e.reasoning_tokens)", "reasoning_tokens"],
  ["sum(e.input_audio_tokens)", "input_audio_tokens"],
  ["sum(e.output_audio_tokens)", "output_audio_tokens"],
  ["coalesce(sum(e.cost_nano_usd), 0)", "cost_nano_usd"],
  ["count(case when e.cost_nano_usd is null then 1 end)", "unpriced_requests"],
  ["sum(e.bytes_in)", "bytes_in"],
  ["sum(e.bytes_out)", "bytes_out"],
] as const;

/** Rows of one side that the other does not have, both ways. */
async function countDifferences(sql: postgres.Sql, raw: string, rollup: string): Promise<number> {
  const [row] = await sql.unsafe<{ count: number }[]>(
    `with raw as (${raw}), rollup as (${rollup})
    select count(*)::int from ((select * from raw except all select * from rollup) union all
      (select * from rollup except all select * from raw)) as differences`,
  );
  return row?.count ?? -1;
}

/**
 * Holds hours, days and days by key against raw events, by each grouping, by statements that share nothing with the
 * product's. The days must have been computed, and refusals are left out.
 *
 * @returns what differs, and how many comparisons were made.
 */
export async function findRollupDifferences(sql: postgres.Sql): Promise<{ differences: string[]; compared: number }> {
  const differences: string[] = [];
  let compared = 0;
  const compare = async (name: string, raw: string, rollup: string): Promise<void> => {
    compared += 1;
    const count = await countDifferences(sql, raw, rollup);
    if (count !== 0) differences.push(`${name}: ${count} rows`);
  };
  const rawSums = `${sums.map(([raw]) => raw).join(", ")}, min(e.at), max(e.at)`;
  const rollupSums = `${sums.map(([, name]) => `sum(r.${name})`).join(", ")}, min(r.first_at), max(r.last_at)`;
  const hour = "to_char(e.at at time zone 'UTC', 'YYYY-MM-DD HH24')";
  const day = "to_char(e.at at time zone 'UTC', 'YYYY-MM-DD')";
  for (const [name, raw, series] of groupings) {
    await compare(
      `hours by ${name}`,
      `select ${hour}, ${raw}, ${rawSums} from usage_event e group by 1, 2`,
      `select to_char(r.hour at time zone 'UTC', 'YYYY-MM-DD HH24'), ${series}, ${rollupSums}
        from usage_hour r join usage_series s using (series_id) where r.requests > 0 group by 1, 2`,
    );
    await compare(
      `days by ${name}`,
      `select ${day}, ${raw}, ${rawSums} from usage_event e group by 1, 2`,
      `select to_char(r.day, 'YYYY-MM-DD'), ${series}, ${rollupSums}
        from usage_day r join usage_series s using (series_id) where r.requests > 0 group by 1, 2`,
    );
  }
  await compare(
    "days of keys",
    `select ${day}, e.public_id, e.owner_id, ${rawSums} from usage_event e group by 1, 2, 3`,
    `select to_char(r.day, 'YYYY-MM-DD'), r.public_id, r.owner_id, ${rollupSums} from usage_day_key r
      where r.requests > 0 group by 1, 2, 3`,
  );
  return { differences, compared };
}

/** The largest relative error of p50, p95 and p99 of any key, by hours and by days; and how many were looked at. */
export async function findSketchError(sql: postgres.Sql): Promise<{ worst: number; looked: number }> {
  const [row] = await sql<{ worst: number; looked: number }[]>`
    with raw as (
      select public_id, array_agg(latency_ms::float8 order by latency_ms) as latency,
        array_agg(first_token_ms::float8 order by first_token_ms) filter (where first_token_ms is not null) as first_token
      from usage_event group by 1
    ), rollup as (
      select public_id, find_usage_quantiles(concat_usage_sketch(latency), array[0.5, 0.95, 0.99]) as latency,
        find_usage_quantiles(concat_usage_sketch(first_token), array[0.5, 0.95, 0.99]) as first_token
      from usage_day_key group by 1
      union all
      select public_id, find_usage_quantiles(concat_usage_sketch(latency), array[0.5, 0.95, 0.99]),
        find_usage_quantiles(concat_usage_sketch(first_token), array[0.5, 0.95, 0.99])
      from usage_hour join usage_series using (series_id) group by 1
    ), pairs as (
      select raw.latency[1 + floor(rank * (cardinality(raw.latency) - 1))::int] as exact, rollup.latency[n] as found
      from raw join rollup using (public_id), unnest(array[0.5, 0.95, 0.99]) with ordinality as q(rank, n)
      union all
      select raw.first_token[1 + floor(rank * (cardinality(raw.first_token) - 1))::int], rollup.first_token[n]
      from raw join rollup using (public_id), unnest(array[0.5, 0.95, 0.99]) with ordinality as q(rank, n)
    )
    select max(abs(found - exact) / exact)::float8 as worst, count(found)::int as looked from pairs where exact > 0`;
  return { worst: row?.worst ?? 1, looked: row?.looked ?? 0 };
}
