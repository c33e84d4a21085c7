import type postgres from "postgres";

/**
 * Ends the overlap of a rotation now.
 *
 * @returns how many secrets ended; 0 where no overlap runs.
 */
export async function updateOldSecrets(transaction: postgres.TransactionSql, publicId: string): Promise<number> {
  const result = await transaction`
    update api_key_secret set retires_at = now()
    where public_id = ${publicId} and pepper_version >= 0 and retires_at > now()`;
  return result.count;
}
