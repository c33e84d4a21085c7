import type postgres from "postgres";

/** One change, as the audit log tells it. */
export interface AuditEntry {
  /** `system`, `system:JOB`, `cli`, `key:PUBLIC_ID` or `user:ID`. */
  actor: string;
  /** Noun and verb, like `api_key.create`. */
  action: string;
  objectType: string;
  objectId: string;
  /** Whose object it is after the change; `null` for nobody's. */
  ownerId: string | null;
  /** The object as the wire shows it, no secret in it; `null` where there was none. */
  before: unknown;
  /** Likewise; `null` where there is none any more. */
  after: unknown;
  /** Empty where the change did not come over the network. */
  ip: string;
  /** The answer's `x-request-id`; empty where there is none. */
  requestId: string;
}

/**
 * Appends one entry to the hash chain, in the transaction of the change that it tells of: both are stored or neither is.
 *
 * Everybody who changes anything waits for everybody else from here to the commit. So write entries last, after all row
 * locks are taken; in the other order two transactions can wait for each other.
 *
 * @param tx the transaction of the change; a pool only where the entry stands alone.
 */
export async function insertAuditEntry(tx: postgres.TransactionSql | postgres.Sql, entry: AuditEntry): Promise<void> {
  await tx`
    select insert_audit_entry(${entry.actor}, ${entry.action}, ${entry.objectType}, ${entry.objectId}, ${entry.ownerId},
      ${makeAuditJson(entry.before)}::text::jsonb, ${makeAuditJson(entry.after)}::text::jsonb, ${entry.ip}, ${entry.requestId})`;
}

/** JSON text of what an entry shows; `null` where there is nothing. */
export function makeAuditJson(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
