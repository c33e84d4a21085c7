import type postgres from "postgres";
import type { ApiKey } from "../../server/core/api-key.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";

/** The keys that go with their owner, locked until the transaction ends. */
export async function listKeysToRevoke(tx: postgres.TransactionSql, ownerId: string): Promise<ApiKey[]> {
  const rows = await tx<ApiKeyRow[]>`
    select * from api_key where owner_id = ${ownerId} and state <> 'revoked' order by public_id for update`;
  return rows.map(parseApiKeyRow);
}
