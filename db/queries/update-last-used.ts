import type postgres from "postgres";
import type { PublicId } from "../../server/core/api-key.ts";

export interface KeyUse {
  publicId: PublicId;
  /** Milliseconds since 1970. */
  atMs: number;
  ip: string;
}

/**
 * Records uses, at most once a minute and key over all processes: a row that somebody else wrote within the minute, or
 * is writing now, is left alone, so no request ever waits for it.
 *
 * @returns how many rows were written.
 */
export async function updateLastUsed(sql: postgres.Sql, uses: readonly KeyUse[]): Promise<number> {
  const result = await sql`
    with used as (
      select * from unnest(${uses.map((use) => use.publicId)}::text[], ${uses.map((use) => Math.floor(use.atMs))}::bigint[],
        ${uses.map((use) => use.ip)}::text[]) as u(public_id, at_ms, ip)
    ), free as (
      select k.public_id, to_timestamp(u.at_ms / 1000.0) as at, u.ip
      from api_key k join used u using (public_id)
      where k.last_used_at is null or k.last_used_at < to_timestamp(u.at_ms / 1000.0) - interval '60 seconds'
      order by k.public_id
      for update of k skip locked
    )
    update api_key k set last_used_at = free.at, last_used_ip = free.ip from free where k.public_id = free.public_id`;
  return result.count;
}
