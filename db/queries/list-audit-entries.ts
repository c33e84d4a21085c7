import type postgres from "postgres";
import type { AuditEntryView } from "../../server/core/audit-schema.ts";

export interface AuditFilter {
  actor?: string | undefined;
  action?: string | undefined;
  /** An id, a type, or `TYPE:ID`. */
  object?: string | undefined;
  ownerId?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}

/** Entries newest first, those before `before`. */
export async function listAuditEntries(
  sql: postgres.Sql,
  filter: AuditFilter,
  page: { before: string | null; limit: number },
): Promise<AuditEntryView[]> {
  const rows = await sql<(Omit<AuditEntryView, "seq"> & { seq: string })[]>`
    select seq::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, actor, action, object_type,
      object_id, owner_id, before, after, ip, request_id, encode(previous_hash, 'hex') as previous_hash,
      encode(hash, 'hex') as hash
    from audit_entry e where true
      ${page.before === null ? sql`` : sql`and e.seq < ${page.before}::bigint`}
      ${filter.actor === undefined ? sql`` : sql`and actor = ${filter.actor}`}
      ${filter.action === undefined ? sql`` : sql`and action = ${filter.action}`}
      ${filter.object === undefined ? sql`` : makeObjectCondition(sql, filter.object)}
      ${filter.ownerId === undefined ? sql`` : sql`and owner_id = ${filter.ownerId}`}
      ${filter.from === undefined ? sql`` : sql`and e.at >= ${filter.from.toISOString()}::timestamptz`}
      ${filter.to === undefined ? sql`` : sql`and e.at < ${filter.to.toISOString()}::timestamptz`}
    order by e.seq desc
    limit ${page.limit}`;
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}

function makeObjectCondition(sql: postgres.Sql, object: string): postgres.PendingQuery<postgres.Row[]> {
  const colon = object.indexOf(":");
  const either = sql`(object_id = ${object} or object_type = ${object})`;
  if (colon < 0) return sql`and ${either}`;
  return sql`and (${either} or (object_type = ${object.slice(0, colon)} and object_id = ${object.slice(colon + 1)}))`;
}
