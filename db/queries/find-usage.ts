import type postgres from "postgres";
import type { UsageGrain, UsageGroup } from "../../server/core/usage-schema.ts";

/** Which events count. The range is of partitions too: nothing outside of it is read. */
export interface UsageFilter {
  from: Date;
  /** Exclusive. */
  to: Date;
  publicId?: string | undefined;
  ownerId?: string | undefined;
  model?: string | undefined;
  provider?: string | undefined;
  endpoint?: string | undefined;
  /** Key-bound tags; all must match. */
  tags?: Readonly<Record<string, string>> | undefined;
}

export interface UsageQuestion {
  filter: UsageFilter;
  groups: readonly UsageGroup[];
  grain: UsageGrain | null;
  /** IANA name. */
  timezone: string;
  /** One more than this many rows are answered where there are more. */
  rowsMax: number;
}

/** Totals of some events. Money is nano-USD; times are milliseconds. */
export interface UsageSum {
  requests: number;
  errors: number;
  inputTokens: number;
  cachedInputTokens: number;
  cacheWriteTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  costNanoUsd: bigint;
  unpricedRequests: number;
  bytesIn: number;
  bytesOut: number;
  /** p50, p95, p99; `null` where nothing was measured. */
  latencyMs: readonly number[] | null;
  firstTokenMs: readonly number[] | null;
  firstUsedAt: Date | null;
  lastUsedAt: Date | null;
}

export interface UsageGroupSum extends UsageSum {
  /** Values in the order of the groups asked for. */
  values: readonly (string | null)[];
  bucket: Date | null;
}

/** Longer is a question for rollups; the pool must not be held by a few wide ones. */
const timeoutMs = 30_000;

interface SumRow {
  is_total: boolean;
  /** Arrays leave as JSON: the client knows few types of array, and takes NULL in one for the text "NULL". */
  group_values: (string | null)[];
  bucket: string | null;
  requests: string;
  errors: string;
  input_tokens: string;
  cached_input_tokens: string;
  cache_write_tokens: string;
  output_tokens: string;
  reasoning_tokens: string;
  cost_nano_usd: string;
  unpriced_requests: string;
  bytes_in: string;
  bytes_out: string;
  latency_ms: number[] | null;
  first_token_ms: number[] | null;
  first_used_at: string | null;
  last_used_at: string | null;
}

/**
 * Sums raw events by any groups, and all of them, in one scan of the partitions of the range. Percentiles are exact. What an event
 * costs is what was charged and what was adjusted since.
 *
 * @throws PostgreSQL's `query_canceled` (57014) after 30 s.
 */
export async function findUsage(
  sql: postgres.Sql,
  question: UsageQuestion,
): Promise<{ groups: UsageGroupSum[]; total: UsageSum }> {
  const rows = await sql.begin("read only", async (transaction) => {
    await transaction`select set_config('statement_timeout', ${String(timeoutMs)}, true)`;
    return transaction<SumRow[]>`
      with chosen as (
        select e.*, 
          coalesce(e.cost_nano_usd, 0) + coalesce(a.delta, 0) as cost,
          e.cost_nano_usd is null and a.delta is null as is_unpriced,
          ${makeValues(transaction, question.groups)} as "values", ${makeBucket(transaction, question)} as bucket
        from usage_event e
        left join (
          select at as event_at, event_id, sum(delta_nano_usd) as delta from usage_adjustment
          where at >= ${question.filter.from.toISOString()} and at < ${question.filter.to.toISOString()}
          group by 1, 2
        ) a on a.event_at = e.at and a.event_id = e.id
        where at >= ${question.filter.from.toISOString()} and at < ${question.filter.to.toISOString()}
          ${makeConditions(transaction, question.filter)}
      )
      select grouping("values") = 1 as is_total, to_jsonb("values") as group_values, bucket,
        count(*) as requests,
        count(*) filter (where status >= 400) as errors,
        coalesce(sum(input_tokens), 0) as input_tokens,
        coalesce(sum(cached_input_tokens), 0) as cached_input_tokens,
        coalesce(sum(cache_write_tokens), 0) as cache_write_tokens,
        coalesce(sum(output_tokens), 0) as output_tokens,
        coalesce(sum(reasoning_tokens), 0) as reasoning_tokens,
        coalesce(sum(cost), 0) as cost_nano_usd,
        count(*) filter (where is_unpriced) as unpriced_requests,
        coalesce(sum(bytes_in), 0) as bytes_in,
        coalesce(sum(bytes_out), 0) as bytes_out,
        to_jsonb(percentile_cont(array[0.5, 0.95, 0.99]) within group (order by latency_ms)) as latency_ms,
        to_jsonb(percentile_cont(array[0.5, 0.95, 0.99]) within group (order by first_token_ms)) as first_token_ms,
        min(at) as first_used_at,
        max(at) as last_used_at
      from chosen
      group by grouping sets (("values", bucket), ())
      order by is_total desc, bucket, requests desc, group_values
      limit ${question.rowsMax + 2}`;
  });
  const [total, ...groups] = rows;
  if (total === undefined) throw new Error("the empty grouping set always has a row");
  return { total: parseSum(total), groups: groups.map(parseGroupSum) };
}

/** All group values as one array, so that their number changes no other part of the statement. */
function makeValues(sql: postgres.TransactionSql, groups: readonly UsageGroup[]): postgres.Fragment {
  let list = sql`null::text`;
  for (const [index, group] of groups.entries()) {
    const value = makeValue(sql, group);
    list = index === 0 ? value : sql`${list}, ${value}`;
  }
  return sql`array[${list}]`;
}

function makeValue(sql: postgres.TransactionSql, group: UsageGroup): postgres.Fragment {
  switch (group) {
    case "key":
      return sql`public_id`;
    case "owner":
      return sql`nullif(owner_id, '')`;
    case "origin":
      return sql`nullif(origin, '')`;
    case "status":
      return sql`status::text`;
    case "model":
      return sql`model`;
    case "provider":
      return sql`provider`;
    case "endpoint":
      return sql`endpoint`;
    default:
      return sql`key_tags ->> ${group.slice("tag:".length)}::text`;
  }
}

function makeBucket(sql: postgres.TransactionSql, question: UsageQuestion): postgres.Fragment {
  if (question.grain === null) return sql`null::timestamptz`;
  return sql`date_trunc(${question.grain}::text, at, ${question.timezone}::text)`;
}

function makeConditions(sql: postgres.TransactionSql, filter: UsageFilter): postgres.Fragment {
  return sql`
    ${filter.publicId === undefined ? sql`` : sql`and public_id = ${filter.publicId}`}
    ${filter.ownerId === undefined ? sql`` : sql`and owner_id = ${filter.ownerId}`}
    ${filter.model === undefined ? sql`` : sql`and model = ${filter.model}`}
    ${filter.provider === undefined ? sql`` : sql`and provider = ${filter.provider}`}
    ${filter.endpoint === undefined ? sql`` : sql`and endpoint = ${filter.endpoint}`}
    ${filter.tags === undefined ? sql`` : sql`and key_tags @> ${JSON.stringify(filter.tags)}::jsonb`}`;
}

function parseSum(row: SumRow): UsageSum {
  return {
    requests: Number(row.requests),
    errors: Number(row.errors),
    inputTokens: Number(row.input_tokens),
    cachedInputTokens: Number(row.cached_input_tokens),
    cacheWriteTokens: Number(row.cache_write_tokens),
    outputTokens: Number(row.output_tokens),
    reasoningTokens: Number(row.reasoning_tokens),
    costNanoUsd: BigInt(row.cost_nano_usd),
    unpricedRequests: Number(row.unpriced_requests),
    bytesIn: Number(row.bytes_in),
    bytesOut: Number(row.bytes_out),
    latencyMs: row.latency_ms,
    firstTokenMs: row.first_token_ms,
    firstUsedAt: row.first_used_at === null ? null : new Date(row.first_used_at),
    lastUsedAt: row.last_used_at === null ? null : new Date(row.last_used_at),
  };
}

function parseGroupSum(row: SumRow): UsageGroupSum {
  return { ...parseSum(row), values: row.group_values, bucket: row.bucket === null ? null : new Date(row.bucket) };
}
