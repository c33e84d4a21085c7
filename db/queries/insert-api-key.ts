import type postgres from "postgres";
import type { ApiKey, ImportFormat } from "../../server/core/api-key.ts";
import type { StoredBudget } from "../stored-budget.ts";
import { type ApiKeyRow, parseApiKeyRow } from "./api-key-row.ts";

/** A key before it is stored; the database says when it was created. */
export type NewApiKey = Omit<
  ApiKey,
  | "createdAt"
  | "lastUsedAt"
  | "lastUsedIp"
  | "rotatedAt"
  | "originsChangedAt"
  | "importedFrom"
  | "operatorHold"
  | "version"
>;

export interface KeySecret {
  /** 32 bytes. */
  digest: Uint8Array;
  pepperVersion: number;
}

export interface InsertApiKeyOptions {
  /** Scoped to the creator. */
  idempotencyKey?: string;
  /** Marks a key of the first start. */
  bootstrap?: boolean;
  /** Marks a key that was imported by hash, and tells all gateways that there are such keys. */
  importedFrom?: ImportFormat;
  /** What else belongs into the transaction; not called where the key would collide. */
  complete?(transaction: postgres.TransactionSql, key: ApiKey): Promise<void>;
}

/**
 * Stores a key and its secret, both or neither, with what `complete` does.
 *
 * @returns the stored key, or `null` where it would collide: its alias among the owner's live keys, its public id, its
 * idempotency key, or the digest of an import.
 */
export async function insertApiKey(
  sql: postgres.Sql,
  key: NewApiKey,
  secret: KeySecret,
  options: InsertApiKeyOptions = {},
): Promise<ApiKey | null> {
  const { complete, importedFrom } = options;
  if (complete === undefined && importedFrom === undefined) return await insertRows(sql, key, secret, options);
  return await sql.begin(async (transaction) => {
    if (importedFrom !== undefined && (await isStored(transaction, secret.digest))) return null;
    const stored = await insertRows(transaction, key, secret, options);
    if (stored !== null) await complete?.(transaction, stored);
    return stored;
  });
}

/** Whether a digest is some key's already; who else imports the same one waits until this transaction has ended. */
async function isStored(transaction: postgres.TransactionSql, digest: Uint8Array): Promise<boolean> {
  const bytes = Buffer.from(digest);
  await transaction`select pg_advisory_xact_lock(hashtext('tollgate.import'), hashtext(${bytes.toString("hex")}))`;
  const rows = await transaction`select 1 from api_key_secret where digest = ${bytes}::bytea`;
  return rows.length > 0;
}

async function insertRows(
  sql: postgres.Sql | postgres.TransactionSql,
  key: NewApiKey,
  secret: KeySecret,
  options: InsertApiKeyOptions,
): Promise<ApiKey | null> {
  const rows = await sql<ApiKeyRow[]>`
    with inserted as (
      insert into api_key (public_id, alias, name, description, type, state, permissions, models, tags, budgets, rate_limits,
        max_output_tokens, expires_at, allowed_ips, allowed_origins, owner_id, provider_credentials, on_disconnect, created_by,
        idempotency_key, bootstrap, imported_from)
      values (${key.publicId}, ${key.alias}, ${key.name}, ${key.description}, ${key.type}, ${key.state},
        ${[...key.permissions]}::text[], ${[...key.models]}::text[], ${JSON.stringify(key.tags)}::jsonb,
        ${JSON.stringify(key.budgets.map(makeStoredBudget))}::jsonb, ${JSON.stringify(key.rateLimits)}::jsonb,
        ${key.maxOutputTokens}, ${key.expiresAt?.toISOString() ?? null}, ${[...key.allowedIps]}::text[],
        ${[...key.allowedOrigins]}::text[], ${key.ownerId}, ${JSON.stringify(key.providerCredentials)}::jsonb,
        ${key.onDisconnect}, ${key.createdBy}, ${options.idempotencyKey ?? null}, ${options.bootstrap ?? false}, ${options.importedFrom ?? null})
      on conflict do nothing
      returning *
    ), secret as (
      insert into api_key_secret (digest, public_id, pepper_version)
      select ${Buffer.from(secret.digest)}::bytea, public_id, ${secret.pepperVersion}::smallint from inserted
    )
    select *, case when imported_from is not null then pg_notify('keys_imported', imported_from)::text end as told
    from inserted`;
  const row = rows[0];
  return row === undefined ? null : parseApiKeyRow(row);
}

/** Money in JSON is text: JSON numbers are floats. */
export function makeStoredBudget(budget: ApiKey["budgets"][number]): StoredBudget {
  const stored: StoredBudget = { limit_nano_usd: String(budget.limitNanoUsd), period: budget.period };
  return budget.timezone === undefined ? stored : { ...stored, timezone: budget.timezone };
}
