import type postgres from "postgres";
import type { ApiKey } from "../../server/core/api-key.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";
import type { KeyScope } from "./find-api-key.ts";

/** Keys by their public ids, in no order; those that do not exist or are outside of the scope are left out. */
export async function listKeysById(
  sql: postgres.Sql,
  publicIds: readonly string[],
  scope: KeyScope,
): Promise<ApiKey[]> {
  const rows = await sql<ApiKeyRow[]>`
    select * from api_key where public_id = any (${publicIds as string[]}::text[])
      and (${scope.ownerId}::text is null or owner_id = ${scope.ownerId})`;
  return rows.map(parseApiKeyRow);
}
