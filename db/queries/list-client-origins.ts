import type postgres from "postgres";

/**
 * Every origin and pattern that a live `client` key allows, with the end of the last key that does so in milliseconds
 * since 1970; Infinity where one never ends. One scan of the keys.
 */
export async function listClientOrigins(sql: postgres.Sql): Promise<{ origin: string; endsAtMs: number }[]> {
  const rows = await sql<{ origin: string; ends_at_ms: number }[]>`
    select origin, max(coalesce(extract(epoch from expires_at) * 1000, 'infinity'))::float8 as ends_at_ms
    from api_key k, unnest(allowed_origins) as origin
    where type = 'client' and state = 'active' and (expires_at is null or expires_at > now())
      and not exists (select from app_user u where u.id = k.owner_id and u.disabled_at is not null)
    group by origin`;
  return rows.map((row) => ({ origin: row.origin, endsAtMs: row.ends_at_ms }));
}
