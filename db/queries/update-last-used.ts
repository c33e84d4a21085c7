import type postgres from "postgres";
import type { PublicId } from "../../server/core/api-key.ts";

export interface KeyUse {
  publicId: PublicId;
  /** Digest of the secret that was used, lower-case hex; `null` where its uses are not told apart. */
  secretDigest: string | null;
  /** Milliseconds since 1970. */
  atMs: number;
  ip: string;
}

/**
 * Records uses, at most once a minute and key over all processes: a row that somebody else wrote within the minute, or
 * is writing now, is left alone, so no request ever waits for it. The same for the secrets that are named.
 *
 * @returns how many keys' rows were written.
 */
export async function updateLastUsed(sql: postgres.Sql, uses: readonly KeyUse[]): Promise<number> {
  const result = await sql`
    with used as (
      select distinct on (public_id) public_id, at_ms, ip
      from unnest(${uses.map((use) => use.publicId)}::text[], ${uses.map((use) => Math.floor(use.atMs))}::bigint[],
        ${uses.map((use) => use.ip)}::text[]) as u(public_id, at_ms, ip)
      order by public_id, at_ms desc
    ), free as (
      select k.public_id, to_timestamp(u.at_ms / 1000.0) as at, u.ip
      from api_key k join used u using (public_id)
      where k.last_used_at is null or k.last_used_at < to_timestamp(u.at_ms / 1000.0) - interval '60 seconds'
      order by k.public_id
      for update of k skip locked
    )
    update api_key k set last_used_at = free.at, last_used_ip = coalesce(nullif(free.ip, ''), k.last_used_ip) from free where k.public_id = free.public_id`;
  const ofSecrets = uses.filter((use) => use.secretDigest !== null);
  if (ofSecrets.length > 0) await updateSecretsLastUsed(sql, ofSecrets);
  return result.count;
}

async function updateSecretsLastUsed(sql: postgres.Sql, uses: readonly KeyUse[]): Promise<void> {
  await sql`
    with used as (
      select decode(digest, 'hex') as digest, to_timestamp(at_ms / 1000.0) as at
      from unnest(${uses.map((use) => use.secretDigest ?? "")}::text[], ${uses.map((use) => Math.floor(use.atMs))}::bigint[])
        as u(digest, at_ms)
    ), free as (
      select s.digest, u.at
      from api_key_secret s join used u using (digest)
      where s.last_used_at is null or s.last_used_at < u.at - interval '60 seconds'
      order by s.digest
      for update of s skip locked
    )
    update api_key_secret s set last_used_at = free.at from free where s.digest = free.digest`;
}
