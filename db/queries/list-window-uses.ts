import type postgres from "postgres";
import type { RateResource, RateScope } from "../../server/core/rate-limit.ts";

/** A counter, and which calls it counts. */
export interface WindowQuestion {
  resource: RateResource;
  scope: RateScope;
}

/** What was used in one step, in milliseconds ago of its first and its last use. */
export interface WindowUse {
  /** Position of the question. */
  question: number;
  firstAgeMs: number;
  lastAgeMs: number;
  amount: number;
}

/** Steps of a window; the windows themselves count in as many. */
const steps = 256;

/**
 * What the ledger says was used of each question in the last `windowMs`, oldest first, in at most 256 steps each. One scan of
 * the days that the window reaches back to, however many questions there are: those that name a key find their events by a
 * join on its id. Tokens and cost are what the limits are settled to.
 */
export async function listWindowUses(
  sql: postgres.Sql,
  windowMs: number,
  questions: readonly WindowQuestion[],
): Promise<WindowUse[]> {
  const texts = (read: (question: WindowQuestion) => string | null | undefined) =>
    questions.map((question) => read(question) ?? null) as string[];
  const tags = (set: Readonly<Record<string, string>> | undefined) =>
    set === undefined || Object.keys(set).length === 0 ? null : JSON.stringify(set);
  const rows = await sql<{ question: number; first_age_ms: number; last_age_ms: number; amount: string }[]>`
    with asked as (
      select * from unnest(${texts(({ resource }) => resource)}::text[], ${texts(({ scope }) => scope.publicId)}::text[],
        ${texts(({ scope }) => scope.ownerId)}::text[], ${texts(({ scope }) => scope.model)}::text[],
        ${texts(({ scope }) => scope.clientIp)}::text[], ${texts(({ scope }) => scope.origin)}::text[],
        ${texts(({ scope }) => tags(scope.keyTags))}::text[], ${texts(({ scope }) => tags(scope.requestTags))}::text[])
        with ordinality as a(resource, public_id, owner_id, model, client_ip, origin, key_tags, request_tags, question)
    ),
    used as (
      select extract(epoch from now() - e.at) * 1000 as age_ms, e.public_id, e.owner_id, e.model, e.client_ip, e.origin,
        e.key_tags, e.request_tags, e.cost_nano_usd,
        e.input_tokens + e.cached_input_tokens + e.cache_write_tokens + e.input_audio_tokens as input_tokens,
        e.output_tokens + e.reasoning_tokens + e.output_audio_tokens as output_tokens
      from usage_event e where e.at > now() - ${windowMs}::float8 * interval '1 millisecond'
    ),
    matched as (
      select a.*, u.age_ms, u.cost_nano_usd, u.input_tokens, u.output_tokens
      from asked a join used u on u.public_id = a.public_id
      where (a.owner_id is null or u.owner_id = a.owner_id) and (a.model is null or u.model = a.model)
        and (a.client_ip is null or u.client_ip = a.client_ip) and (a.origin is null or u.origin = a.origin)
        and (a.key_tags is null or u.key_tags @> a.key_tags::jsonb)
        and (a.request_tags is null or u.request_tags @> a.request_tags::jsonb)
      union all
      select a.*, u.age_ms, u.cost_nano_usd, u.input_tokens, u.output_tokens
      from asked a join used u on a.public_id is null
        and (a.owner_id is null or u.owner_id = a.owner_id) and (a.model is null or u.model = a.model)
        and (a.client_ip is null or u.client_ip = a.client_ip) and (a.origin is null or u.origin = a.origin)
        and (a.key_tags is null or u.key_tags @> a.key_tags::jsonb)
        and (a.request_tags is null or u.request_tags @> a.request_tags::jsonb)
    )
    select question::int, max(age_ms)::float8 as first_age_ms, greatest(min(age_ms), 0)::float8 as last_age_ms,
      sum(case resource when 'tokens' then input_tokens + output_tokens when 'input_tokens' then input_tokens
        when 'output_tokens' then output_tokens when 'cost' then coalesce(cost_nano_usd, 0) else 1 end) as amount
    from matched group by question, floor(age_ms * ${steps} / ${windowMs}::float8)
    order by question, 2 desc`;
  return rows.map((row) => ({
    question: row.question - 1,
    firstAgeMs: Math.max(row.first_age_ms, 0),
    lastAgeMs: row.last_age_ms,
    amount: Number(row.amount),
  }));
}
