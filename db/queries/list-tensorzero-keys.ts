import type postgres from "postgres";

/** A row of TensorZero's table of keys. */
export interface TensorzeroKeyRow {
  id: string;
  publicId: string;
  /** SHA-256 of the secret part, in hex. */
  hash: string;
  description: string | null;
  isDisabled: boolean;
  expiresAt: Date | null;
}

/** True where the database holds TensorZero's table of keys. */
export async function hasTensorzeroKeys(sql: postgres.Sql): Promise<boolean> {
  const [row] = await sql<{ found: boolean }[]>`select to_regclass('tensorzero_auth_api_key') is not null as found`;
  return row?.found === true;
}

/**
 * A page of TensorZero's keys, in the order of their making. Earlier releases of it have no column for an end.
 *
 * @param after `id` of the last row of the page before; `"0"` for the first page.
 */
export async function listTensorzeroKeys(sql: postgres.Sql, after: string, limit: number): Promise<TensorzeroKeyRow[]> {
  const rows = await sql<
    {
      id: string;
      public_id: string;
      hash: string;
      description: string | null;
      disabled: boolean;
      expires_at: string | null;
    }[]
  >`
    select id::text, public_id::text, hash, description, disabled_at is not null as disabled,
      to_jsonb(t) ->> 'expires_at' as expires_at
    from tensorzero_auth_api_key t where t.id > ${after}::bigint order by t.id limit ${limit}`;
  return rows.map((row) => ({
    id: row.id,
    publicId: row.public_id,
    hash: row.hash,
    description: row.description,
    isDisabled: row.disabled,
    expiresAt: row.expires_at === null ? null : new Date(row.expires_at),
  }));
}
