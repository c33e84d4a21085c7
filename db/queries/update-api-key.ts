import postgres from "postgres";
import type { ApiKey } from "../../server/core/api-key.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";
import type { KeyScope } from "./find-api-key.ts";
import { makeStoredBudget } from "./insert-api-key.ts";

/** What a change may touch. */
export type ApiKeyChange = Partial<
  Omit<
    ApiKey,
    "publicId" | "type" | "createdAt" | "createdBy" | "lastUsedAt" | "lastUsedIp" | "importedFrom" | "version"
  >
>;

/** What else belongs into the transaction of a change. */
export interface ChangeSteps {
  /** First of all, before the key is locked: whoever locks its owner too must do so before it. */
  begin?(transaction: postgres.TransactionSql): Promise<void>;
  /** Before the key is read for `decide`: false tells that this very change was made before, and nothing is written. */
  claim?(transaction: postgres.TransactionSql): Promise<boolean>;
  /** After the write; also where `decide` had nothing to change. */
  complete?(transaction: postgres.TransactionSql, key: ApiKey): Promise<void>;
}

const live = ["active", "disabled"];

/**
 * Reads a key, asks `decide` what to change, and writes it, with the row locked from the read to the commit. The version
 * counts up with every write; a change of nothing (`null`) writes nothing.
 *
 * @param decide may throw: then nothing is written and the error goes to the caller.
 * @param steps may throw as well; they see the row locked.
 * @returns the key as it is now; `"not_found"` also where it is outside of the scope; `"alias_taken"` where another live
 * key of the owner has the alias.
 */
export async function updateApiKey(
  sql: postgres.Sql,
  publicId: string,
  scope: KeyScope,
  decide: (key: ApiKey) => ApiKeyChange | null,
  steps: ChangeSteps = {},
): Promise<ApiKey | "not_found" | "alias_taken"> {
  try {
    return await sql.begin((transaction) => lockAndUpdate(transaction, publicId, scope, decide, steps));
  } catch (error) {
    if (isAliasCollision(error)) return "alias_taken";
    throw error;
  }
}

async function lockAndUpdate(
  transaction: postgres.TransactionSql,
  publicId: string,
  scope: KeyScope,
  decide: (key: ApiKey) => ApiKeyChange | null,
  steps: ChangeSteps,
): Promise<ApiKey | "not_found" | "alias_taken"> {
  await steps.begin?.(transaction);
  const rows = await transaction<ApiKeyRow[]>`
      select * from api_key
      where public_id = ${publicId} and (${scope.ownerId}::text is null or owner_id = ${scope.ownerId})
      for update`;
  if (rows[0] === undefined) return "not_found";
  const before = parseApiKeyRow(rows[0]);
  if (steps.claim !== undefined && !(await steps.claim(transaction))) return before;
  const change = decide(before);
  if (change === null) {
    await steps.complete?.(transaction, before);
    return before;
  }
  const after: ApiKey = { ...before, ...change };
  if (live.includes(after.state) && (await isAliasTaken(transaction, after))) return "alias_taken";
  const [written] = await transaction<ApiKeyRow[]>`
      update api_key set alias = ${after.alias}, name = ${after.name}, description = ${after.description},
        state = ${after.state}, permissions = ${[...after.permissions]}::text[], models = ${[...after.models]}::text[],
        tags = ${JSON.stringify(after.tags)}::jsonb,
        budgets = ${JSON.stringify(after.budgets.map(makeStoredBudget))}::jsonb,
        rate_limits = ${JSON.stringify(after.rateLimits)}::jsonb, max_output_tokens = ${after.maxOutputTokens},
        expires_at = ${after.expiresAt?.toISOString() ?? null}, allowed_ips = ${[...after.allowedIps]}::text[],
        allowed_origins = ${[...after.allowedOrigins]}::text[], owner_id = ${after.ownerId},
        provider_credentials = ${JSON.stringify(after.providerCredentials)}::jsonb, on_disconnect = ${after.onDisconnect},
        rotated_at = ${after.rotatedAt?.toISOString() ?? null},
        origins_changed_at = ${after.originsChangedAt?.toISOString() ?? null}, operator_hold = ${after.operatorHold},
        version = version + 1
      where public_id = ${publicId}
      returning *`;
  const key = parseApiKeyRow(written as ApiKeyRow);
  await steps.complete?.(transaction, key);
  return key;
}

/** Says so before the unique index has to: a refusal that is expected is not an error in PostgreSQL's log. */
async function isAliasTaken(transaction: postgres.TransactionSql, key: ApiKey): Promise<boolean> {
  const rows = await transaction`
    select 1 from api_key
    where coalesce(owner_id, '') = ${key.ownerId ?? ""} and alias = ${key.alias} and state = any(${live}::text[])
      and public_id <> ${key.publicId}`;
  return rows.length > 0;
}

/** The index had to say so: somebody took the alias between the look and the write. */
function isAliasCollision(error: unknown): boolean {
  return (
    error instanceof postgres.PostgresError && error.code === "23505" && error.constraint_name === "api_key_live_alias"
  );
}
