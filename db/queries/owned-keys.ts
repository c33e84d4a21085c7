import type postgres from "postgres";
import type { ApiKey } from "../../server/core/api-key.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";
import type { KeyScope } from "./find-api-key.ts";

export interface OwnedKeys {
  /** Neither revoked nor expired: active and disabled. */
  held: number;
  active: number;
}

/**
 * Counts the keys of an owner by the database's clock.
 *
 * @param except a key that does not count.
 */
export async function findOwnedKeys(
  tx: postgres.TransactionSql | postgres.Sql,
  ownerId: string,
  except: string | null = null,
): Promise<OwnedKeys> {
  const [row] = await tx<{ held: string; active: string }[]>`
    select count(*) as held, count(*) filter (where state = 'active') as active from api_key
    where owner_id = ${ownerId} and state in ('active', 'disabled') and (expires_at is null or expires_at > now())
      and (${except}::text is null or public_id <> ${except})`;
  return { held: Number(row?.held), active: Number(row?.active) };
}

/**
 * Who owns a key now; `null` for nobody, and where there is no such key in the scope: what follows for an owner must not
 * take its time for somebody else's key.
 */
export async function findKeyOwnerId(
  tx: postgres.TransactionSql,
  publicId: string,
  scope: KeyScope,
): Promise<string | null> {
  const [row] = await tx<{ owner_id: string | null }[]>`
    select owner_id from api_key
    where public_id = ${publicId} and (${scope.ownerId}::text is null or owner_id = ${scope.ownerId})`;
  return row?.owner_id ?? null;
}

/**
 * Disables the active keys of an owner beyond `keysMax`, those first that were not used for the longest time. Expects the
 * owner's row to be locked.
 *
 * @returns them, disabled.
 */
export async function updateExcessKeys(
  tx: postgres.TransactionSql,
  ownerId: string,
  keysMax: number,
): Promise<ApiKey[]> {
  const rows = await tx<ApiKeyRow[]>`
    with excess as (
      select public_id from api_key
      where owner_id = ${ownerId} and state = 'active' and (expires_at is null or expires_at > now())
      order by coalesce(last_used_at, created_at) desc, public_id desc
      offset ${keysMax}
    )
    update api_key k set state = 'disabled', version = k.version + 1
    from excess where k.public_id = excess.public_id
    returning k.*`;
  return rows.map(parseApiKeyRow);
}
