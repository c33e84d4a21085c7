import type postgres from "postgres";
import type { AuditEntry } from "./insert-audit-entry.ts";

/** {@link insertAuditEntry} for many, in their order and in one statement. */
export async function insertAuditEntries(tx: postgres.TransactionSql, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await tx`
    select insert_audit_entry(e->>'actor', e->>'action', e->>'objectType', e->>'objectId', e->>'ownerId',
      nullif(e->'before', 'null'::jsonb), nullif(e->'after', 'null'::jsonb), e->>'ip', e->>'requestId')
    from jsonb_array_elements(${JSON.stringify(entries)}::text::jsonb) with ordinality as list(e, place)
    order by place`;
}
