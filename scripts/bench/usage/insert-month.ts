import type postgres from "postgres";

/** A month of usage as merges leave it, without the events that it stands for. */
export interface SyntheticMonth {
  keys: number;
  models: number;
  days: number;
  /** In all. */
  events: number;
  /** First day, `YYYY-MM-DD`; the last one is followed by today. */
  firstDay: string;
}

const counters = (
  requests: string,
) => `${requests}, ${requests} / 50, ${requests} / 100, ${requests} * 400, ${requests} * 50, 0,
  ${requests} * 150, 0, 0, 0, ${requests} * 136000, 0, ${requests} * 700, ${requests} * 560`;
const names = `requests, errors, refusals, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
  input_audio_tokens, output_audio_tokens, cost_nano_usd, unpriced_requests, bytes_in, bytes_out, first_at, last_at, latency,
  first_token`;

/**
 * Inserts series of every key and model, their days and the days of keys, and for the last day, which is today, hours. Sketches
 * are drawn from a pool; they are as long as those of so many calls whose latency is log-normal.
 */
export async function insertMonth(sql: postgres.Sql, month: SyntheticMonth): Promise<void> {
  const { keys, models, days, firstDay } = month;
  const perSeries = Math.round(month.events / (keys * models * days));
  await sql`
    select open_usage_rollups(m::date) from generate_series(date_trunc('month', ${firstDay}::date), ${firstDay}::date + ${days}::int, '1 month') m`;
  await sql`create temporary table sketch_pool (place int, of_key boolean, latency integer[], first_token integer[])`;
  await sql`
    insert into sketch_pool
    select n, of_key, ${sketchOf(sql, 6.5)}, ${sketchOf(sql, 5.5)}
    from (select n, of_key, case when of_key then ${perSeries * models}::int else ${perSeries}::int end as calls
      from generate_series(0, 63) n, unnest(array[true, false]) of_key) as wanted`;
  await sql`
    insert into usage_series (dims_hash, public_id, owner_id, model, provider, endpoint, status, code, origin, key_tags)
    select k * 1000 + m, 'key' || lpad(k::text, 9, '0'), 'owner' || k / 10, 'provider::model-' || m, 'provider-' || m % 3, 'chat_completions',
      200, '', '', jsonb_build_object('customer', 'c' || k / 5)
    from generate_series(1, ${keys}::int) k, generate_series(1, ${models}::int) m`;
  const at =
    "day::timestamp at time zone 'UTC' + interval '1 second', day::timestamp at time zone 'UTC' + interval '23 hours'";
  await sql.unsafe(`
    insert into usage_day (day, series_id, ${names})
    select day, series_id, ${counters("n")}, ${at}, p.latency, p.first_token
    from (select date '${firstDay}' + d as day, series_id, ${perSeries} + (series_id * 7 + d) % 100 as n
      from generate_series(0, ${days - 1}) d, usage_series) as s join sketch_pool p on not p.of_key and p.place = (s.series_id + extract(day from day)::int) % 64
    order by 1, 2`);
  await sql.unsafe(`
    insert into usage_day_key (day, public_id, owner_id, ${names})
    select day, public_id, owner_id, ${counters("n")}, ${at}, p.latency, p.first_token
    from (select d.day, public_id, owner_id, sum(requests)::bigint as n, min(series_id) as series_id
      from usage_day d join usage_series using (series_id) group by 1, 2, 3) as s
      join sketch_pool p on p.of_key and p.place = (s.series_id + extract(day from day)::int) % 64
    order by 1, 2, 3`);
  await sql.unsafe(`
    insert into usage_hour (hour, series_id, ${names})
    select hour, series_id, ${counters("n")}, hour, hour + interval '30 minutes', p.latency[1:28], p.first_token[1:28]
    from (select h as hour, series_id, ${Math.round(perSeries / 24)} as n
      from generate_series((date '${firstDay}' + ${days})::timestamp at time zone 'UTC', now(), '1 hour') h, usage_series) as s
      join sketch_pool p on not p.of_key and p.place = s.series_id % 64`);
  await sql`insert into usage_day_touched (day) values (${firstDay}::date + ${days}::int)`;
  await sql`vacuum analyze usage_series`;
  await sql`vacuum analyze usage_day`;
  await sql`vacuum analyze usage_day_key`;
  await sql`vacuum analyze usage_hour`;
}

/** A sketch of `calls` log-normal values whose median is e^`mean` milliseconds. */
function sketchOf(sql: postgres.Sql, mean: number): postgres.Fragment {
  return sql`(select array_agg((c * 2048 + b)::int) from (
    select find_usage_bucket(exp(${mean}::float8 + 0.6 * random_normal(0, 1) + 0 * n)::real) as b, count(*) as c
    from generate_series(1, calls) group by 1) as counted)`;
}
