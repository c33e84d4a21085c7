import type { StoredDelivery } from "../../../db/queries/webhook-deliveries.ts";
import type { StoredWebhook } from "../../../db/queries/webhooks.ts";
import type { DeliveryView, WebhookView } from "../../core/webhook-schema.ts";

export function makeWebhookView(webhook: StoredWebhook): WebhookView {
  return {
    id: webhook.id,
    kind: webhook.kind,
    name: webhook.name,
    target: webhook.targetShown,
    enabled: webhook.enabled,
    created_at: webhook.createdAt.toISOString(),
    created_by: webhook.createdBy,
    secret_rotated_at: webhook.secretRotatedAt?.toISOString() ?? null,
    previous_secret_ends_at: webhook.previousSecretUntil?.toISOString() ?? null,
  };
}

export function makeDeliveryView(delivery: StoredDelivery): DeliveryView {
  return {
    id: delivery.id,
    webhook_id: delivery.webhookId,
    event: delivery.event,
    state: delivery.state,
    attempts: delivery.attempts,
    created_at: delivery.createdAt.toISOString(),
    next_try_at: delivery.state === "pending" ? delivery.dueAt.toISOString() : null,
    tried_at: delivery.triedAt?.toISOString() ?? null,
    delivered_at: delivery.deliveredAt?.toISOString() ?? null,
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
  };
}
