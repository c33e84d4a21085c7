import type postgres from "postgres";

/**
 * Remembers that a rotation with an idempotency key was made: as a row among the key's secrets that has ended and whose
 * digest nothing that a client can send leads to. Goes with the transaction of the rotation.
 *
 * @returns false where the rotation was made before.
 */
export async function insertRotationClaim(
  transaction: postgres.TransactionSql,
  publicId: string,
  digest: Uint8Array,
): Promise<boolean> {
  const result = await transaction`
    insert into api_key_secret (digest, public_id, pepper_version, retires_at)
    values (${Buffer.from(digest)}::bytea, ${publicId}, -1, now())
    on conflict do nothing`;
  return result.count > 0;
}
