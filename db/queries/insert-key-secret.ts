import type postgres from "postgres";
import type { KeySecret } from "./insert-api-key.ts";

/**
 * Gives a key a second secret; the one that was current works on for the overlap, by the database's clock. A secret that
 * an earlier rotation left over ends at once: never more than two work.
 *
 * @param overlapMs 0: the old secret ends now.
 */
export async function insertKeySecret(
  transaction: postgres.TransactionSql,
  publicId: string,
  secret: KeySecret,
  overlapMs: number,
): Promise<void> {
  await transaction`
    update api_key_secret set retires_at = now()
    where public_id = ${publicId} and pepper_version >= 0 and retires_at > now()`;
  // The uses of a secret of its own are recorded from its key's first rotation on; until then they are the key's.
  await transaction`
    update api_key_secret s set retires_at = now() + ${overlapMs} * interval '1 millisecond',
      last_used_at = coalesce(s.last_used_at,
        (select k.last_used_at from api_key k where k.public_id = s.public_id and k.last_used_at >= s.created_at))
    where s.public_id = ${publicId} and s.pepper_version >= 0 and s.retires_at is null`;
  await transaction`
    insert into api_key_secret (digest, public_id, pepper_version)
    values (${Buffer.from(secret.digest)}::bytea, ${publicId}, ${secret.pepperVersion}::smallint)`;
}
