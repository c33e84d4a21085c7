import type postgres from "postgres";
import type { PriceBand } from "../../server/core/price.ts";

/** Events with the same model, provider and price. */
export interface PriceGroup {
  model: string;
  provider: string;
  /** What their cost of now names: that of the last adjustment, or their own. */
  priceId: string;
}

/** What such events would cost at another price. */
export interface Repricing extends PriceGroup {
  newPriceId: string;
  bands: readonly PriceBand[];
}

/** Part of one UTC day, or less. `from` may be told with the id of an event at it, which is then before the range. */
export interface RerateRange {
  from: string;
  afterId?: string | null;
  to: string;
  models: readonly string[] | null;
}

/** An event whose cost changes. */
export interface ReratedEvent {
  at: string;
  id: string;
  deltaNanoUsd: bigint;
  wasUnpriced: boolean;
  oldPriceId: string;
  newPriceId: string;
  budgetWindows: readonly string[];
}

/** The sum of some of them. */
export interface RerateSum {
  model: string;
  publicId: string;
  events: number;
  unpricedEvents: number;
  oldCostNanoUsd: bigint;
  newCostNanoUsd: bigint;
}

/**
 * What events cost by now, of those that are merged: before that, nothing is adjusted, so that hours hold exactly the
 * adjustments there are. And whether that is for want of a price. What was reserved and never told (`reserved`) has no
 * tokens, so that no price says anything of it.
 */
function makeCurrent(sql: postgres.Sql | postgres.TransactionSql, range: RerateRange): postgres.Fragment {
  return sql`
    select e.at, e.id, e.public_id, e.model, e.provider, e.usage_source, e.budget_windows,
      coalesce(a.price_id, e.price_id) as price_id,
      e.cost_nano_usd is null and a.price_id is null as is_unpriced,
      coalesce(e.cost_nano_usd, 0) + coalesce(a.delta, 0) as cost,
      e.input_tokens, e.output_tokens, e.cached_input_tokens, e.cache_write_tokens, e.hour_cache_write_tokens, e.reasoning_tokens,
      e.input_audio_tokens, e.output_audio_tokens
    from usage_event e
    left join lateral (
      select sum(u.delta_nano_usd)::bigint as delta, (array_agg(u.new_price_id order by u.adjustment_id desc))[1] as price_id
      from usage_adjustment u where u.at = e.at and u.event_id = e.id
    ) a on true
    where e.at >= ${range.from}::timestamptz and e.at < ${range.to}::timestamptz
      and not exists (select from usage_part p where p.part_id = e.part_id and p.merged_at is null)
      ${(range.afterId ?? null) === null ? sql`` : sql`and (e.at, e.id) > (${range.from}::timestamptz, ${range.afterId ?? null}::uuid)`}
      ${range.models === null ? sql`` : sql`and e.model = any(${[...range.models]}::text[])`}`;
}

/** Every combination of model, provider and price in the range, with how many events have it. */
export async function listPriceGroups(
  sql: postgres.Sql | postgres.TransactionSql,
  range: RerateRange,
): Promise<(PriceGroup & { events: number; reserved: number; unpriced: number })[]> {
  const rows = await sql<
    { model: string; provider: string; price_id: string; events: string; reserved: string; unpriced: string }[]
  >`
    select model, provider, price_id, count(*) as events, count(*) filter (where usage_source = 'reserved') as reserved,
      count(*) filter (where is_unpriced) as unpriced
    from (${makeCurrent(sql, range)}) c group by model, provider, price_id order by 1, 2, 3`;
  return rows.map((row) => ({
    model: row.model,
    provider: row.provider,
    priceId: row.price_id,
    events: Number(row.events),
    reserved: Number(row.reserved),
    unpriced: Number(row.unpriced),
  }));
}

/**
 * Events whose cost changes, with both costs: the sum over the buckets, divided once and rounded up, as `makeCharge` does it.
 * A price that has another name and comes to the same is no change.
 */
function makeChanged(
  sql: postgres.Sql | postgres.TransactionSql,
  range: RerateRange,
  repricings: readonly Repricing[],
): postgres.Fragment {
  const rows = repricings.flatMap((repricing) => repricing.bands.map((band) => ({ repricing, band })));
  const texts = (read: (row: (typeof rows)[number]) => string) => rows.map(read);
  const rate = (bucket: keyof PriceBand["rates"]) => texts(({ band }) => band.rates[bucket].toString());
  return sql`
    select * from (
      select c.*, p.new_price_id,
        div(
          c.input_tokens * p.input + c.output_tokens * p.output + c.cached_input_tokens * p.cached_input
            + c.cache_write_tokens * p.cache_write + c.hour_cache_write_tokens * p.hour_cache_write + c.reasoning_tokens * p.reasoning
            + c.input_audio_tokens * p.input_audio + c.output_audio_tokens * p.output_audio + 999999,
          1000000
        )::bigint as new_cost
      from (${makeCurrent(sql, range)}) c
      join unnest(
        ${texts(({ repricing }) => repricing.model)}::text[], ${texts(({ repricing }) => repricing.provider)}::text[],
        ${texts(({ repricing }) => repricing.priceId)}::text[], ${texts(({ repricing }) => repricing.newPriceId)}::text[],
        ${texts(({ band }) => String(band.fromInputTokens))}::text[]::bigint[],
        ${texts(({ band }) => String(band.toInputTokens ?? Number.MAX_SAFE_INTEGER))}::text[]::bigint[],
        ${rate("inputTokens")}::text[]::numeric[], ${rate("outputTokens")}::text[]::numeric[], ${rate("cachedInputTokens")}::text[]::numeric[],
        ${rate("cacheWriteTokens")}::text[]::numeric[], ${rate("hourCacheWriteTokens")}::text[]::numeric[], ${rate("reasoningTokens")}::text[]::numeric[],
        ${rate("inputAudioTokens")}::text[]::numeric[], ${rate("outputAudioTokens")}::text[]::numeric[]
      ) as p(model, provider, price_id, new_price_id, from_tokens, to_tokens, input, output, cached_input, cache_write,
        hour_cache_write, reasoning, input_audio, output_audio)
        on p.model = c.model and p.provider = c.provider and p.price_id = c.price_id
          and c.input_tokens + c.cached_input_tokens + c.cache_write_tokens + c.input_audio_tokens >= p.from_tokens
          and c.input_tokens + c.cached_input_tokens + c.cache_write_tokens + c.input_audio_tokens < p.to_tokens
      where c.usage_source <> 'reserved'
    ) r
    where r.is_unpriced or r.new_cost <> r.cost`;
}

/** The first `rowsMax` events of the range whose cost changes, in the order of time and id. */
export async function listReratedEvents(
  tx: postgres.TransactionSql,
  range: RerateRange,
  repricings: readonly Repricing[],
  rowsMax: number,
): Promise<ReratedEvent[]> {
  const rows = await tx<
    {
      at: string;
      id: string;
      delta: string;
      is_unpriced: boolean;
      price_id: string;
      new_price_id: string;
      budget_windows: string | null;
    }[]
  >`
    select at, id, new_cost - cost as delta, is_unpriced, price_id, new_price_id, budget_windows
    from (${makeChanged(tx, range, repricings)}) x order by at, id limit ${rowsMax}`;
  return rows.map((row) => ({
    at: row.at,
    id: row.id,
    deltaNanoUsd: BigInt(row.delta),
    wasUnpriced: row.is_unpriced,
    oldPriceId: row.price_id,
    newPriceId: row.new_price_id,
    budgetWindows: row.budget_windows === null ? [] : row.budget_windows.split(","),
  }));
}

/** What would change, by model and key. */
export async function listRerateSums(
  sql: postgres.Sql | postgres.TransactionSql,
  range: RerateRange,
  repricings: readonly Repricing[],
): Promise<RerateSum[]> {
  const rows = await sql<
    { model: string; public_id: string; events: string; unpriced: string; old_cost: string; new_cost: string }[]
  >`
    select model, public_id, count(*) as events, count(*) filter (where is_unpriced) as unpriced,
      sum(cost) as old_cost, sum(new_cost) as new_cost
    from (${makeChanged(sql, range, repricings)}) x group by model, public_id order by 1, 2`;
  return rows.map((row) => ({
    model: row.model,
    publicId: row.public_id,
    events: Number(row.events),
    unpricedEvents: Number(row.unpriced),
    oldCostNanoUsd: BigInt(row.old_cost),
    newCostNanoUsd: BigInt(row.new_cost),
  }));
}
