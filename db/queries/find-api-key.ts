import type postgres from "postgres";
import type { ApiKey } from "../../server/core/api-key.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";

/** Which keys a caller may know of: those of one owner, or with `null` all. */
export interface KeyScope {
  ownerId: string | null;
}

/** One key by its public id; `null` also where it is outside of the scope. */
export async function findApiKey(sql: postgres.Sql, publicId: string, scope: KeyScope): Promise<ApiKey | null> {
  const rows = await sql<ApiKeyRow[]>`
    select * from api_key
    where public_id = ${publicId} and (${scope.ownerId}::text is null or owner_id = ${scope.ownerId})`;
  return rows[0] === undefined ? null : parseApiKeyRow(rows[0]);
}

/** The key that an earlier create of the same creator with the same idempotency key made. */
export async function findApiKeyByIdempotency(
  sql: postgres.Sql,
  createdBy: string,
  idempotencyKey: string,
): Promise<ApiKey | null> {
  const rows = await sql<ApiKeyRow[]>`
    select * from api_key where created_by = ${createdBy} and idempotency_key = ${idempotencyKey}`;
  return rows[0] === undefined ? null : parseApiKeyRow(rows[0]);
}
