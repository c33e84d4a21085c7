import type postgres from "postgres";
import type { AlertBody } from "../../server/core/alert-schema.ts";

type Scope = AlertBody["scope"];

/** Which keys a rule looks at; `k` is `api_key`. */
function makeScope(
  sql: postgres.Sql,
  { public_id, owner_id, tag_key, tag_value }: Scope,
): postgres.PendingQuery<postgres.Row[]> {
  return sql`
    ${public_id === undefined ? sql`` : sql`and k.public_id = ${public_id}`}
    ${owner_id === undefined ? sql`` : sql`and k.owner_id = ${owner_id}`}
    ${tag_key === undefined ? sql`` : sql`and k.tags @> ${JSON.stringify({ [tag_key]: tag_value ?? "" })}::text::jsonb`}`;
}

/** A budget in its current period. Nano-USD. */
export interface SpentWindow {
  windowId: string;
  level: string;
  subject: string;
  alias: string | null;
  period: string;
  endsAt: Date | null;
  limitNanoUsd: bigint;
  settledNanoUsd: bigint;
}

/**
 * Budgets whose period goes on, and of which at least so many percent are spent; with `percent` 100 and `isDebt` those that
 * spent more than there is. Those above keys only where the scope names no tag and no key.
 */
export async function listSpentWindows(
  sql: postgres.Sql,
  scope: Scope,
  { percent, isDebt, now }: { percent: number; isDebt: boolean; now: Date },
): Promise<SpentWindow[]> {
  const isKeyScope = scope.public_id !== undefined || scope.tag_key !== undefined;
  const rows = await sql<
    {
      window_id: string;
      level: string;
      subject: string;
      alias: string | null;
      period: string;
      ends_at: string | null;
      limit_nano_usd: string;
      settled_nano_usd: string;
    }[]
  >`
    select w.window_id, w.level, w.subject, k.alias, w.period, w.ends_at,
      w.limit_nano_usd + w.extra_nano_usd as limit_nano_usd, w.settled_nano_usd
    from budget_window w left join api_key k on w.level = 'key' and k.public_id = w.subject
    where w.closed_at is null and w.starts_at <= ${now.toISOString()} and (w.ends_at is null or w.ends_at > ${now.toISOString()})
      and w.settled_nano_usd > 0
      and w.settled_nano_usd::numeric * 100 >= (w.limit_nano_usd + w.extra_nano_usd)::numeric * ${percent}::integer
      ${isDebt ? sql`and w.settled_nano_usd > w.limit_nano_usd + w.extra_nano_usd` : sql``}
      and ((w.level = 'key' ${makeScope(sql, scope)})
        or (w.level <> 'key' and ${!isKeyScope}::boolean
          ${scope.owner_id === undefined ? sql`` : sql`and w.level = 'owner' and w.subject = ${scope.owner_id}`}))
    order by w.window_id
    limit 1000`;
  return rows.map((row) => ({
    windowId: row.window_id,
    level: row.level,
    subject: row.subject,
    alias: row.alias,
    period: row.period,
    endsAt: row.ends_at === null ? null : new Date(row.ends_at),
    limitNanoUsd: BigInt(row.limit_nano_usd),
    settledNanoUsd: BigInt(row.settled_nano_usd),
  }));
}

export interface NamedKey {
  publicId: string;
  alias: string;
}

/** Active keys that end within the days ahead. */
export async function listEndingKeys(
  sql: postgres.Sql,
  scope: Scope,
  { now, days }: { now: Date; days: number },
): Promise<(NamedKey & { expiresAt: Date })[]> {
  const until = new Date(now.getTime() + days * 86_400_000).toISOString();
  const rows = await sql<{ public_id: string; alias: string; expires_at: string }[]>`
    select k.public_id, k.alias, k.expires_at from api_key k
    where k.state = 'active' and k.expires_at > ${now.toISOString()} and k.expires_at <= ${until} ${makeScope(sql, scope)}
    order by k.expires_at, k.public_id
    limit 1000`;
  return rows.map((row) => ({ publicId: row.public_id, alias: row.alias, expiresAt: new Date(row.expires_at) }));
}

/** What one key did in one hour. */
export interface KeyHour extends NamedKey {
  createdAt: Date;
  hour: Date;
  /** Nano-USD or a count. */
  value: bigint;
}

const measured = { spend: "cost_nano_usd", requests: "requests", errors: "errors" } as const;

/**
 * Sums of hours by key, from the rollups; hours in which nothing happened are left out.
 *
 * @param question `publicIds`: only these keys; `least`: smaller sums are left out.
 */
export async function listKeyHours(
  sql: postgres.Sql,
  scope: Scope,
  question: {
    measure: keyof typeof measured;
    hours: readonly Date[];
    least: bigint;
    publicIds?: readonly string[];
  },
): Promise<KeyHour[]> {
  const { hours, least, publicIds } = question;
  const column = sql(measured[question.measure]);
  const rows = await sql<{ public_id: string; alias: string; created_at: string; hour: string; value: string }[]>`
    with sums as (
      select s.public_id, h.hour, sum(h.${column}) as value
      from usage_hour h join usage_series s using (series_id)
      where h.hour = any(${hours.map((hour) => hour.toISOString())}::text[]::timestamptz[])
        ${publicIds === undefined ? sql`` : sql`and s.public_id = any(${[...publicIds]}::text[])`}
      group by s.public_id, h.hour
      having sum(h.${column}) >= ${String(least)}::bigint
    )
    select k.public_id, k.alias, k.created_at, sums.hour, sums.value from sums join api_key k using (public_id)
    where true ${makeScope(sql, scope)}
    order by k.public_id, sums.hour`;
  return rows.map((row) => ({
    publicId: row.public_id,
    alias: row.alias,
    createdAt: new Date(row.created_at),
    hour: new Date(row.hour),
    value: BigInt(row.value),
  }));
}

/**
 * Keys that live, were rotated, and were called with a secret that is no more, in the hours and how often. A key that lives
 * refuses as expired only what was rotated out.
 */
export async function listRetiredSecretUses(
  sql: postgres.Sql,
  scope: Scope,
  { hours, least, now }: { hours: readonly Date[]; least: number; now: Date },
): Promise<(NamedKey & { refusals: number; rotatedAt: Date })[]> {
  const times = hours.map((hour) => hour.toISOString());
  const rows = await sql<{ public_id: string; alias: string; rotated_at: string; refusals: string }[]>`
    with refused as (
      select s.public_id, h.refusals from usage_hour h join usage_series s using (series_id)
      where h.hour = any(${times}::text[]::timestamptz[]) and s.status = 401 and s.code = 'expired_api_key' and h.refusals > 0
      union all
      select public_id, refusals from usage_refusal
      where merged_at is null and hour = any(${times}::text[]::timestamptz[]) and status = 401 and code = 'expired_api_key'
    )
    select k.public_id, k.alias, k.rotated_at, sum(r.refusals) as refusals
    from refused r join api_key k using (public_id)
    where k.state = 'active' and k.rotated_at is not null and (k.expires_at is null or k.expires_at > ${now.toISOString()})
      ${makeScope(sql, scope)}
    group by k.public_id
    having sum(r.refusals) >= ${least}
    order by k.public_id
    limit 1000`;
  return rows.map((row) => ({
    publicId: row.public_id,
    alias: row.alias,
    refusals: Number(row.refusals),
    rotatedAt: new Date(row.rotated_at),
  }));
}

/** Models whose calls had no price in the hours, and how many. */
export async function listUnpricedModels(
  sql: postgres.Sql,
  scope: Scope,
  { hours, least }: { hours: readonly Date[]; least: number },
): Promise<{ model: string; provider: string; requests: number }[]> {
  const rows = await sql<{ model: string; provider: string; requests: string }[]>`
    select s.model, s.provider, sum(h.unpriced_requests) as requests
    from usage_hour h join usage_series s using (series_id) left join api_key k on k.public_id = s.public_id
    where h.hour = any(${hours.map((hour) => hour.toISOString())}::text[]::timestamptz[]) and h.unpriced_requests > 0
      ${makeScope(sql, scope)}
    group by s.model, s.provider
    having sum(h.unpriced_requests) >= ${least}
    order by s.model, s.provider
    limit 1000`;
  return rows.map(({ model, provider, requests }) => ({ model, provider, requests: Number(requests) }));
}
