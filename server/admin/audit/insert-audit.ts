import type postgres from "postgres";
import { insertAuditEntry } from "../../../db/queries/insert-audit-entry.ts";
import { findCallerActor, type ProcedureContext } from "../context.ts";

/** What a procedure did to one object. */
export interface AuditedChange {
  /** Like `api_key`, `user`, `plan`. */
  objectType: string;
  objectId: string;
  /** After the change. */
  ownerId: string | null;
  /** As the wire shows it, hence without secrets; `null` where there was nothing. */
  before: unknown;
  after: unknown;
}

/**
 * Writes into the audit log what the running procedure changed, in the transaction of the change. Call it last: see
 * {@link insertAuditEntry}.
 */
export async function insertAudit(
  ctx: ProcedureContext,
  transaction: postgres.TransactionSql,
  change: AuditedChange,
): Promise<void> {
  await insertAuditEntry(transaction, {
    actor: findCallerActor(ctx.caller),
    action: ctx.action,
    ...change,
    ...ctx.origin,
  });
}
