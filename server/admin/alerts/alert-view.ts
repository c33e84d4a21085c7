import type { StoredAlertRule } from "../../../db/queries/alert-rules.ts";
import type { Incident } from "../../core/alert-incident.ts";
import { type AlertView, alertBody, type IncidentView } from "../../core/alert-schema.ts";

/** @throws ZodError for a row that this release did not write. */
export function makeAlertView({ id, body, createdAt, createdBy }: StoredAlertRule): AlertView {
  return { id, ...alertBody.parse(body), created_at: createdAt.toISOString(), created_by: createdBy };
}

export function makeIncidentView(incident: Incident): IncidentView {
  return {
    id: incident.id,
    rule_id: incident.ruleId,
    state: incident.resolvedAt === null ? "open" : "resolved",
    public_id: incident.publicId,
    title: incident.title,
    facts: { ...incident.facts },
    level: incident.level,
    opened_at: incident.openedAt.toISOString(),
    seen_at: incident.seenAt.toISOString(),
    resolved_at: incident.resolvedAt?.toISOString() ?? null,
    announced: incident.announcedLevel !== null,
    acknowledged_at: incident.acknowledgedAt?.toISOString() ?? null,
    acknowledged_by: incident.acknowledgedBy,
    action: incident.action,
    acted_at: incident.actedAt?.toISOString() ?? null,
  };
}
