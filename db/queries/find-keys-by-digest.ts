import type postgres from "postgres";
import type { ApiKey } from "../../server/core/api-key.ts";
import { parseApiKeyRow, type ApiKeyRow } from "./api-key-row.ts";

export interface FoundKey {
  /** Digest of the presented secret, lower-case hex. */
  digest: string;
  key: ApiKey;
  /** End of the overlap of a secret that was rotated out. */
  secretRetiresAt: Date | null;
}

/**
 * Finds the keys that the given digests belong to: one query for any number of them, by the primary key of the secrets.
 * The digests are the only way in, so somebody without the whole secret learns nothing.
 */
export async function findKeysByDigest(sql: postgres.Sql, digests: readonly Buffer[]): Promise<FoundKey[]> {
  const rows = await sql<(ApiKeyRow & { digest: Buffer; retires_at: string | null })[]>`
    select encode(s.digest, 'hex') as digest, s.retires_at, k.*
    from api_key_secret s join api_key k using (public_id)
    where s.digest = any(${digests as Buffer[]}::bytea[])`;
  return rows.map((row) => ({
    digest: String(row.digest),
    key: parseApiKeyRow(row),
    secretRetiresAt: row.retires_at === null ? null : new Date(row.retires_at),
  }));
}
