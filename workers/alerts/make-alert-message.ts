import type { Announcement } from "../../server/core/alert-incident.ts";
import type { AlertBody } from "../../server/core/alert-schema.ts";
import type { WebhookMessage } from "../../server/core/webhook-message.ts";

/** What is sent of an incident. */
export function makeAlertMessage(
  rule: { id: string; body: AlertBody },
  { type, incident }: Announcement,
  nowMs: number,
): WebhookMessage {
  const { title, facts } = incident;
  return {
    type,
    timestamp: new Date(nowMs).toISOString(),
    data: {
      title: type === "alert.resolved" ? `Over: ${title}` : title,
      facts: { ...facts, Rule: rule.body.name },
      incident_id: incident.id,
      rule_id: rule.id,
      kind: rule.body.kind,
      public_id: incident.publicId,
      subject: incident.subject,
      threshold: rule.body.thresholds[incident.level] ?? null,
      opened_at: incident.openedAt.toISOString(),
      resolved_at: incident.resolvedAt?.toISOString() ?? null,
      action: rule.body.action,
    },
  };
}
