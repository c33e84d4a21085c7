import { createHash } from "node:crypto";

/** One row of the audit log as it is hashed: instants and JSON as PostgreSQL's text, bytes as lower-case hex. */
export interface AuditRow {
  seq: string;
  /** RFC 3339 in UTC with milliseconds. */
  at: string;
  actor: string;
  action: string;
  objectType: string;
  objectId: string;
  ownerId: string | null;
  before: string | null;
  after: string | null;
  ip: string;
  requestId: string;
  previousHash: string;
  hash: string;
}

/** A place of the chain and what stood there; kept outside of the database. */
export interface AuditCheckpoint {
  seq: string;
  hash: string;
  /** When that row was written. */
  at: string;
}

export type AuditProblemKind =
  /** A row is not what was written. */
  | "changed"
  /** A number is left out. */
  | "missing"
  /** A row does not follow on the one before it. */
  | "unlinked"
  /** Rows that were there at the checkpoint are gone. */
  | "cut"
  /** The row at the checkpoint is another one. */
  | "replaced"
  /** The checkpoint is not one that this deployment signed. */
  | "checkpoint";

export interface AuditProblem {
  /** Where; the first row at fault. */
  seq: string;
  kind: AuditProblemKind;
  message: string;
}

/** What the first row names as the hash before it. */
const noHash = "0".repeat(64);

/**
 * The hash of a row that follows on `previousHash`: SHA-256 over its fields, each as its length in bytes, a colon and its
 * text; a dash for null. The SQL function `insert_audit_entry` writes the same.
 */
export function makeAuditHash(row: Omit<AuditRow, "hash" | "previousHash">, previousHash: string): string {
  const fields = [row.actor, row.action, row.objectType, row.objectId, row.ownerId, row.before, row.after];
  const text = ["tollgate-audit-1", row.seq, row.at, ...fields, row.ip, row.requestId, previousHash]
    .map((field) => (field === null ? "-" : `${Buffer.byteLength(field)}:${field}`))
    .join("");
  return createHash("sha256").update(text).digest("hex");
}

/**
 * Checks one row against the one before it.
 *
 * @param previous `null` before the first row.
 * @returns `null` where it is right.
 */
export function findRowProblem(row: AuditRow, previous: AuditCheckpoint | null): AuditProblem | null {
  const wanted = previous === null ? 1n : BigInt(previous.seq) + 1n;
  if (BigInt(row.seq) !== wanted) {
    return { seq: String(wanted), kind: "missing", message: `entry ${wanted} is missing; the next is ${row.seq}` };
  }
  const previousHash = previous?.hash ?? noHash;
  if (row.previousHash !== previousHash) {
    return { seq: row.seq, kind: "unlinked", message: `entry ${row.seq} does not follow on the entry before it` };
  }
  if (makeAuditHash(row, previousHash) !== row.hash) {
    return { seq: row.seq, kind: "changed", message: `entry ${row.seq} is not what was written` };
  }
  return null;
}
