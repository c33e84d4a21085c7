import type postgres from "postgres";
import type { KeyRotation } from "../../server/core/api-key.ts";

/** The rotations of these keys whose overlap still runs by the database's clock, by public id. */
export async function listKeyRotations(
  sql: postgres.Sql,
  publicIds: readonly string[],
): Promise<ReadonlyMap<string, KeyRotation>> {
  const rows = await sql<{ public_id: string; last_used_at: string | null; retires_at: string }[]>`
    select public_id, last_used_at, retires_at from api_key_secret
    where public_id = any(${publicIds as string[]}::text[]) and pepper_version >= 0 and retires_at > now()
    order by retires_at`;
  return new Map(
    rows.map((row) => [
      row.public_id,
      {
        oldSecretLastUsedAt: row.last_used_at === null ? null : new Date(row.last_used_at),
        oldSecretEndsAt: new Date(row.retires_at),
      },
    ]),
  );
}
