import type postgres from "postgres";

/** A stored credential without what it holds. */
export interface CredentialEntry {
  name: string;
  description: string | null;
  /** Which seal key it was sealed with. */
  keyVersion: number;
  version: number;
  createdAt: Date;
  createdBy: string;
  updatedAt: Date;
  /** `null`: never tried. */
  testedAt: Date | null;
  testOutcome: CredentialOutcome | null;
}

/** What came of trying it at providers: the worst. */
export type CredentialOutcome = "accepted" | "rejected" | "failed";

/** A stored credential as it is sealed. */
export interface SealedCredential {
  name: string;
  sealed: Buffer;
  keyVersion: number;
  version: number;
}

interface CredentialRow {
  name: string;
  description: string | null;
  key_version: number;
  version: string;
  created_at: string;
  created_by: string;
  updated_at: string;
  tested_at: string | null;
  test_outcome: CredentialOutcome | null;
}

interface SealedRow {
  name: string;
  sealed: Buffer;
  key_version: number;
  version: string;
}

function parseRow(row: CredentialRow): CredentialEntry {
  return {
    name: row.name,
    description: row.description,
    keyVersion: row.key_version,
    version: Number(row.version),
    createdAt: new Date(row.created_at),
    createdBy: row.created_by,
    updatedAt: new Date(row.updated_at),
    testedAt: row.tested_at === null ? null : new Date(row.tested_at),
    testOutcome: row.test_outcome,
  };
}

function parseSealedRow({ name, sealed, key_version: keyVersion, version }: SealedRow): SealedCredential {
  return { name, sealed: Buffer.from(sealed), keyVersion, version: Number(version) };
}

/** Every stored credential by name, without what it holds. */
export async function listCredentials(sql: postgres.Sql | postgres.TransactionSql): Promise<CredentialEntry[]> {
  const rows = await sql<CredentialRow[]>`
    select name, description, key_version, version, created_at, created_by, updated_at, tested_at, test_outcome
    from provider_credential order by name`;
  return rows.map(parseRow);
}

export async function findCredentialEntry(sql: postgres.Sql, name: string): Promise<CredentialEntry | null> {
  const [row] = await sql<CredentialRow[]>`
    select name, description, key_version, version, created_at, created_by, updated_at, tested_at, test_outcome
    from provider_credential where name = ${name}`;
  return row === undefined ? null : parseRow(row);
}

/** Reads a credential and holds its row until the transaction ends. */
export async function findLockedCredential(tx: postgres.TransactionSql, name: string): Promise<CredentialEntry | null> {
  const [row] = await tx<CredentialRow[]>`
    select name, description, key_version, version, created_at, created_by, updated_at, tested_at, test_outcome
    from provider_credential where name = ${name} for update`;
  return row === undefined ? null : parseRow(row);
}

/** Every stored credential as it is sealed. */
export async function loadSealedCredentials(sql: postgres.Sql): Promise<SealedCredential[]> {
  const rows = await sql<SealedRow[]>`select name, sealed, key_version, version from provider_credential`;
  return rows.map(parseSealedRow);
}

/**
 * Adds a credential, unless there are `credentialsMax` already: then `"full"`. A trigger tells all gateways.
 *
 * @returns `"taken"` where the name is.
 */
export async function insertCredential(
  tx: postgres.TransactionSql,
  credential: SealedCredential & Pick<CredentialEntry, "description" | "createdBy">,
  credentialsMax: number,
): Promise<CredentialEntry | "taken" | "full"> {
  const { name, description, sealed, keyVersion, version, createdBy } = credential;
  // One writer at a time, which makes the count right.
  await tx`lock table provider_credential in share row exclusive mode`;
  const [count] = await tx<{ n: number; taken: boolean }[]>`
    select count(*)::int as n, coalesce(bool_or(name = ${name}), false) as taken from provider_credential`;
  if (count?.taken === true) return "taken";
  if ((count?.n ?? 0) >= credentialsMax) return "full";
  const [row] = await tx<CredentialRow[]>`
    insert into provider_credential (name, description, sealed, key_version, version, created_by)
    values (${name}, ${description}, ${sealed}::bytea, ${keyVersion}, ${version}, ${createdBy})
    returning name, description, key_version, version, created_at, created_by, updated_at, tested_at, test_outcome`;
  return parseRow(row as CredentialRow);
}

/** Writes a credential that is locked. `secret` is `null` where it stays what it is. */
export async function updateCredential(
  tx: postgres.TransactionSql,
  name: string,
  description: string | null,
  secret: SealedCredential | null,
): Promise<CredentialEntry> {
  const [row] = await tx<CredentialRow[]>`
    update provider_credential set description = ${description}, updated_at = now(),
      tested_at = case when ${secret === null} then tested_at end,
      test_outcome = case when ${secret === null} then test_outcome end,
      sealed = coalesce(${secret?.sealed ?? null}::bytea, sealed),
      key_version = coalesce(${secret?.keyVersion ?? null}::smallint, key_version),
      version = coalesce(${secret?.version ?? null}::bigint, version)
    where name = ${name}
    returning name, description, key_version, version, created_at, created_by, updated_at, tested_at, test_outcome`;
  return parseRow(row as CredentialRow);
}

/** Notes what came of trying a credential. */
export async function updateCredentialTest(
  tx: postgres.TransactionSql,
  name: string,
  outcome: CredentialOutcome,
): Promise<void> {
  await tx`update provider_credential set tested_at = now(), test_outcome = ${outcome} where name = ${name}`;
}

export async function deleteCredential(tx: postgres.TransactionSql, name: string): Promise<void> {
  await tx`delete from provider_credential where name = ${name}`;
}

/** Names of stored credentials that keys pin, with the number of keys that are not revoked. */
export async function listPinCounts(sql: postgres.Sql | postgres.TransactionSql): Promise<Map<string, number>> {
  const rows = await sql<{ name: string; keys: number }[]>`
    select p.value as name, count(distinct k.public_id)::int as keys
    from api_key k, jsonb_each_text(k.provider_credentials) p
    where k.state <> 'revoked' and k.provider_credentials <> '{}'::jsonb group by p.value`;
  return new Map(rows.map(({ name, keys }) => [name, keys]));
}

/** The providers at which keys pin the credential. */
export async function listPinnedProviders(sql: postgres.Sql, name: string): Promise<string[]> {
  const rows = await sql<{ provider: string }[]>`
    select distinct p.key as provider from api_key k, jsonb_each_text(k.provider_credentials) p
    where k.state <> 'revoked' and k.provider_credentials <> '{}'::jsonb and p.value = ${name} order by 1`;
  return rows.map(({ provider }) => provider);
}

/**
 * Takes some of the credentials that are not sealed with the key of `keyVersion`, locked until the transaction ends; those
 * that somebody else holds are left to him.
 */
export async function listStaleCredentials(
  tx: postgres.TransactionSql,
  keyVersion: number,
  rowsMax: number,
): Promise<SealedCredential[]> {
  const rows = await tx<SealedRow[]>`
    select name, sealed, key_version, version from provider_credential
    where key_version <> ${keyVersion} order by name limit ${rowsMax} for update skip locked`;
  return rows.map(parseSealedRow);
}

/** Puts what a credential holds under another key; it is the same version of it. */
export async function updateSeal(tx: postgres.TransactionSql, { name, sealed, keyVersion }: SealedCredential) {
  await tx`update provider_credential set sealed = ${sealed}::bytea, key_version = ${keyVersion} where name = ${name}`;
}
