import type postgres from "postgres";
import type { ApiKey } from "../../server/core/api-key.ts";
import type { KeyOwner } from "../../server/core/plan.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";

export interface FoundKey {
  /** Digest of the presented secret, lower-case hex. */
  digest: string;
  key: ApiKey;
  /** End of the overlap of a secret that was rotated out. */
  secretRetiresAt: Date | null;
  /** Of this one of the key's secrets; recorded once the key has been rotated. */
  secretLastUsedAt: Date | null;
  /** `null` where the key belongs to nobody, or to somebody who is no user here. */
  owner: KeyOwner | null;
}

interface FoundRow extends ApiKeyRow {
  digest: string;
  retires_at: string | null;
  secret_used_at: string | null;
  user_role: KeyOwner["role"] | null;
  user_plan: string | null;
  user_disabled_at: string | null;
}

/**
 * Finds the keys that the given digests belong to: one query for any number of them, by the primary key of the secrets.
 * @param digests lower-case hex. They are the only way in, so somebody without the whole secret learns nothing.
 */
export async function findKeysByDigest(sql: postgres.Sql, digests: readonly string[]): Promise<FoundKey[]> {
  const rows = await sql<FoundRow[]>`
    select encode(s.digest, 'hex') as digest, s.retires_at, s.last_used_at as secret_used_at, k.*,
      u.role as user_role, u.plan as user_plan, u.disabled_at as user_disabled_at
    from api_key_secret s join api_key k using (public_id) left join app_user u on u.id = k.owner_id
    where s.digest in (select decode(d, 'hex') from unnest(${digests as string[]}::text[]) d)`;
  return rows.map((row) => ({
    digest: row.digest,
    key: parseApiKeyRow(row),
    secretRetiresAt: row.retires_at === null ? null : new Date(row.retires_at),
    secretLastUsedAt: row.secret_used_at === null ? null : new Date(row.secret_used_at),
    owner:
      row.user_role === null
        ? null
        : { role: row.user_role, plan: row.user_plan ?? "", isDisabled: row.user_disabled_at !== null },
  }));
}
