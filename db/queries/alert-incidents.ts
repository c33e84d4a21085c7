import type postgres from "postgres";
import type { Incident } from "../../server/core/alert-incident.ts";

interface IncidentRow {
  id: string;
  rule_id: string;
  subject: string;
  public_id: string | null;
  title: string;
  details: Record<string, string>;
  level: number;
  opened_at: string;
  seen_at: string;
  resolved_at: string | null;
  announced_level: number | null;
  resolve_announced: boolean;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
  action: Incident["action"];
  acted_at: string | null;
  action_rule_id: string | null;
}

const toDate = (text: string | null): Date | null => (text === null ? null : new Date(text));

function parseRow(row: IncidentRow): Incident {
  return {
    id: row.id,
    ruleId: row.rule_id,
    subject: row.subject,
    publicId: row.public_id,
    title: row.title,
    facts: row.details,
    level: row.level,
    openedAt: new Date(row.opened_at),
    seenAt: new Date(row.seen_at),
    resolvedAt: toDate(row.resolved_at),
    announcedLevel: row.announced_level,
    resolveAnnounced: row.resolve_announced,
    acknowledgedAt: toDate(row.acknowledged_at),
    acknowledgedBy: row.acknowledged_by,
    action: row.action,
    actedAt: toDate(row.acted_at),
    actionRuleId: row.action_rule_id,
  };
}

/** A rule's incidents that are open, or whose end was not announced; locked until the transaction ends. */
export async function listRememberedIncidents(tx: postgres.TransactionSql, ruleId: string): Promise<Incident[]> {
  const rows = await tx<IncidentRow[]>`
    select * from alert_incident where rule_id = ${ruleId} and (resolved_at is null or not resolve_announced)
    order by id for update`;
  return rows.map(parseRow);
}

/** Writes incidents as they are now, new ones too. */
export async function updateIncidents(tx: postgres.TransactionSql, incidents: readonly Incident[]): Promise<void> {
  if (incidents.length === 0) return;
  await tx`
    insert into alert_incident as i (id, rule_id, subject, public_id, title, details, level, opened_at, seen_at, resolved_at,
      announced_level, resolve_announced)
    select d->>'id', d->>'ruleId', d->>'subject', d->>'publicId', d->>'title', d->'facts', (d->>'level')::integer,
      (d->>'openedAt')::timestamptz, (d->>'seenAt')::timestamptz, (d->>'resolvedAt')::timestamptz,
      (d->>'announcedLevel')::integer, (d->>'resolveAnnounced')::boolean
    from jsonb_array_elements(${JSON.stringify(incidents)}::text::jsonb) as d
    order by 1
    on conflict (id) do update set title = excluded.title, details = excluded.details, level = excluded.level,
      seen_at = excluded.seen_at, resolved_at = excluded.resolved_at, announced_level = excluded.announced_level,
      resolve_announced = excluded.resolve_announced`;
}

/** Notes what was done to the key of an incident, unless somebody has noted it before: then false. */
export async function updateIncidentAction(
  tx: postgres.TransactionSql,
  id: string,
  action: { action: Incident["action"]; at: Date; ruleId: string | null },
): Promise<boolean> {
  const rows = await tx`
    update alert_incident set action = ${action.action}, acted_at = ${action.at.toISOString()}, action_rule_id = ${action.ruleId}
    where id = ${id} and acted_at is null returning id`;
  return rows.length > 0;
}

/** Incidents that are over, while the limit that they put on a key still stands. */
export async function listThrottledIncidents(sql: postgres.Sql): Promise<Incident[]> {
  const rows = await sql<IncidentRow[]>`
    select * from alert_incident where resolved_at is not null and action_rule_id is not null`;
  return rows.map(parseRow);
}

export async function updateIncidentReleased(tx: postgres.TransactionSql, id: string): Promise<void> {
  await tx`update alert_incident set action_rule_id = null where id = ${id}`;
}

export interface IncidentFilter {
  state?: "open" | "resolved" | undefined;
  ruleId?: string | undefined;
  publicId?: string | undefined;
}

/** Newest first; the id settles ties. */
export async function listIncidents(
  sql: postgres.Sql,
  { state, ruleId, publicId }: IncidentFilter,
  page: { after: { openedAt: Date; id: string } | null; limit: number },
): Promise<Incident[]> {
  const rows = await sql<IncidentRow[]>`
    select * from alert_incident where true
      ${state === undefined ? sql`` : state === "open" ? sql`and resolved_at is null` : sql`and resolved_at is not null`}
      ${ruleId === undefined ? sql`` : sql`and rule_id = ${ruleId}`}
      ${publicId === undefined ? sql`` : sql`and public_id = ${publicId}`}
      ${page.after === null ? sql`` : sql`and (opened_at, id) < (${page.after.openedAt.toISOString()}, ${page.after.id})`}
    order by opened_at desc, id desc
    limit ${page.limit}`;
  return rows.map(parseRow);
}

/** Reads an incident and holds its row until the transaction ends. */
export async function findLockedIncident(tx: postgres.TransactionSql, id: string): Promise<Incident | null> {
  const [row] = await tx<IncidentRow[]>`select * from alert_incident where id = ${id} for update`;
  return row === undefined ? null : parseRow(row);
}

export async function updateIncidentAcknowledged(
  tx: postgres.TransactionSql,
  id: string,
  by: string,
  at: Date,
): Promise<Incident> {
  const [row] = await tx<IncidentRow[]>`
    update alert_incident set acknowledged_at = ${at.toISOString()}, acknowledged_by = ${by} where id = ${id} returning *`;
  return parseRow(row as IncidentRow);
}
