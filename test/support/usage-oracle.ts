import type postgres from "postgres";
import type { QueryUsageInput, UsageGroup } from "../../server/core/usage-question.ts";

export interface OracleRow {
  values: (string | null)[];
  bucket: string | null;
  requests: string;
  errors: string;
  input: string;
  cached: string;
  output: string;
  audio: string;
  cost: string;
  unpriced: string;
  bytes: string;
  first: string | null;
  last: string | null;
  latencies: number[];
  firsts: number[];
}

const columns: Record<string, string> = {
  key: "public_id",
  owner: "nullif(owner_id, '')",
  model: "model",
  provider: "provider",
  endpoint: "endpoint",
  status: "status::text",
  origin: "nullif(origin, '')",
  client_network: "host(set_masklen(client_ip::inet, 24)::cidr) || '/24'",
};

/**
 * Answers a question from raw events alone, in another way than the product: one GROUP BY, buckets by PostgreSQL's own
 * `date_trunc`, percentiles from all values.
 */
export async function askOracle(
  sql: postgres.Sql,
  input: QueryUsageInput & { from: Date; to: Date },
): Promise<OracleRow[]> {
  const groups = (input.group_by ?? []).map((group: UsageGroup) =>
    group.startsWith("tag:") ? `key_tags ->> '${group.slice(4)}'` : columns[group],
  );
  const bucket =
    input.grain === undefined ? "null::timestamptz" : `date_trunc('${input.grain}', at, '${input.timezone ?? "UTC"}')`;
  const texts: [string, string | undefined][] = [
    ["public_id", input.public_id],
    ["owner_id", input.owner_id],
    ["model", input.model],
    ["provider", input.provider],
    ["endpoint", input.endpoint],
    ["code", input.code],
    ["origin", input.origin],
  ];
  const conditions = texts.flatMap(([name, value]) => (value === undefined ? [] : [`${name} = '${value}'`]));
  if (input.status !== undefined) conditions.push(`status >= ${input.status.min}`, `status <= ${input.status.max}`);
  for (const [name, value] of Object.entries(input.tag ?? {})) conditions.push(`key_tags ->> '${name}' = '${value}'`);
  return await sql.unsafe<OracleRow[]>(`
    select to_json(array[${[...groups, "null"].join(", ")}]::text[]) as values, ${bucket} as bucket,
      count(*) as requests, sum((status > 399)::int) as errors, sum(input_tokens) as input, sum(cached_input_tokens) as cached,
      sum(output_tokens) as output, sum(output_audio_tokens) as audio, coalesce(sum(cost_nano_usd), 0) as cost,
      sum((cost_nano_usd is null)::int) as unpriced, sum(bytes_out) as bytes, min(at) as first, max(at) as last,
      json_agg(latency_ms order by latency_ms) as latencies,
      coalesce(json_agg(first_token_ms order by first_token_ms) filter (where first_token_ms is not null), '[]') as firsts
    from usage_event
    where ${[`at >= '${input.from.toISOString()}'`, `at < '${input.to.toISOString()}'`, ...conditions].join(" and ")}
    group by ${[...groups.map((_, index) => `(${groups[index]})`), "2"].join(", ")}`);
}
