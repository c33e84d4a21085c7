import type postgres from "postgres";
import type { KeyState } from "../../server/core/api-key.ts";
import { makeApiKeyView } from "../../server/core/api-key-view.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";
import { insertAuditEntries } from "./insert-audit-entries.ts";
import type { AuditEntry } from "./insert-audit-entry.ts";

type ExpiredRow = ApiKeyRow & { state_before: KeyState };

/**
 * Marks keys as expired whose time has passed by the database's clock, at most `rowsMax` of them; the oldest first. Rows
 * that somebody else is changing are left for the next call, so two at once share the work. A trigger tells all gateways;
 * each key is in the audit log.
 *
 * @returns how many were marked; fewer than `rowsMax` means that no more are free.
 */
export async function expireKeys(sql: postgres.Sql, rowsMax: number): Promise<number> {
  return await sql.begin(async (transaction) => {
    const rows = await transaction<ExpiredRow[]>`
      with due as (
        select public_id, state from api_key
        where state in ('active', 'disabled') and expires_at is not null and expires_at <= now()
        order by expires_at
        limit ${rowsMax}
        for update skip locked
      )
      update api_key k set state = 'expired', version = k.version + 1
      from due where k.public_id = due.public_id
      returning k.*, due.state as state_before`;
    await insertAuditEntries(transaction, rows.map(makeEntry));
    return rows.length;
  });
}

function makeEntry({ state_before: stateBefore, ...row }: ExpiredRow): AuditEntry {
  const key = parseApiKeyRow(row);
  const endMs = key.expiresAt?.getTime() ?? 0;
  return {
    actor: "system:expire-keys",
    action: "keys.expire",
    objectType: "api_key",
    objectId: key.publicId,
    ownerId: key.ownerId,
    // As it was: an instant earlier the clock had not ended it yet.
    before: makeApiKeyView({ ...key, state: stateBefore, version: key.version - 1 }, endMs - 1),
    after: makeApiKeyView(key, endMs),
    ip: "",
    requestId: "",
  };
}
