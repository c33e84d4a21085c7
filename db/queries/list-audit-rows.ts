import type postgres from "postgres";
import type { AuditCheckpoint, AuditRow } from "../../server/core/audit-chain.ts";

/** Rows in the order of the chain, as they are hashed, from `from` on. */
export async function listAuditRows(sql: postgres.Sql, from: string, rowsMax: number): Promise<AuditRow[]> {
  return await sql<AuditRow[]>`
    select e.seq::text, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, e.actor, e.action,
      e.object_type as "objectType", e.object_id as "objectId", e.owner_id as "ownerId", e.before::text, e.after::text,
      e.ip, e.request_id as "requestId", encode(e.previous_hash, 'hex') as "previousHash", encode(e.hash, 'hex') as hash
    from audit_entry e where e.seq >= ${from}::bigint order by e.seq limit ${rowsMax}`;
}

/** The newest row; `null` where there is none. */
export async function findAuditHead(sql: postgres.Sql): Promise<AuditCheckpoint | null> {
  const rows = await sql<AuditCheckpoint[]>`
    select e.seq::text, encode(e.hash, 'hex') as hash,
      to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
    from audit_entry e order by e.seq desc limit 1`;
  return rows[0] ?? null;
}
