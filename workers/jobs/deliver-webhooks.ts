import {
  type DeliveryOutcome,
  deleteOldDeliveries,
  updateDelivered,
  updateDueDeliveries,
  updateFailed,
} from "../../db/queries/update-due-deliveries.ts";
import type { StoredDelivery } from "../../db/queries/webhook-deliveries.ts";
import { listWebhooks, type StoredWebhook } from "../../db/queries/webhooks.ts";
import { findNextTry } from "../../server/core/webhook-retry.ts";
import { openEgress } from "../../server/platform/egress.ts";
import { openMailer } from "../../server/platform/mailer.ts";
import type { JobTools } from "../registry.ts";
import { type SendTools, sendDelivery } from "../send-delivery.ts";

/** At once; with four for each receiver a slow one takes four of them, for as long as a try lasts at most. */
const rowsMax = 32;
const perWebhookMax = 4;
/** Longer than any try: name, connection and answer have 10 s in all, an e-mail's steps as much each. */
const heldMs = 60_000;
const keptMs = 30 * 24 * 60 * 60_000;
const deleteRowsMax = 1_000;

/** Sends what waits in the outbox. A message that fails is tried again for a day, ever more seldom, and is then parked. */
export async function handleDeliverWebhooks(tools: JobTools) {
  const { context, signal } = tools;
  const { sql } = context.database;
  const { sealKeys: keys, egress, smtp } = context.config;
  const sealKeys = keys.map(({ value }) => value);
  const way = { sealKeys, egress: openEgress(egress), mailer: smtp === null ? null : openMailer(smtp) };
  const done = { delivered: 0, failed: 0, parked: 0 };
  for (;;) {
    signal.throwIfAborted();
    const nowMs = context.clock.nowMs();
    const question = { now: new Date(nowMs), heldUntil: new Date(nowMs + heldMs), rowsMax, perWebhookMax };
    const due = await updateDueDeliveries(sql, question);
    if (due.length === 0) break;
    const webhooks = new Map((await listWebhooks(sql)).map((webhook) => [webhook.id, webhook]));
    const ends = await Promise.all(
      due.map((delivery) => handleOne(tools, { ...way, nowMs }, webhooks.get(delivery.webhookId), delivery)),
    );
    for (const end of ends) if (end !== null) done[end] += 1;
  }
  const before = new Date(context.clock.nowMs() - keptMs);
  return { ...done, deleted: await deleteOldDeliveries(sql, before, deleteRowsMax) };
}

async function handleOne(
  { context, logger }: JobTools,
  way: SendTools,
  webhook: StoredWebhook | undefined,
  delivery: StoredDelivery,
): Promise<"delivered" | "failed" | "parked" | null> {
  const { sql } = context.database;
  // Deleted since it was taken, and the message with it.
  if (webhook === undefined) return null;
  const end = await sendDelivery(way, webhook, delivery);
  const outcome: DeliveryOutcome = {
    id: delivery.id,
    attempts: delivery.attempts,
    status: end.status,
    error: end.kind === "failed" ? end.error : end.kind === "gone" ? "answered 410: it wants no more" : null,
  };
  const nowMs = context.clock.nowMs();
  if (end.kind === "delivered") {
    await updateDelivered(sql, outcome, new Date(nowMs));
    return "delivered";
  }
  const nextMs =
    end.kind === "gone"
      ? null
      : findNextTry({
          attempts: delivery.attempts,
          nowMs,
          giveUpMs: delivery.giveUpAt.getTime(),
          retryAfterMs: end.retryAfterMs,
          chance: Math.random(),
        });
  await updateFailed(sql, outcome, nextMs === null ? null : new Date(nextMs));
  const fields = { webhook: webhook.id, delivery: delivery.id, attempts: delivery.attempts, error: outcome.error };
  if (nextMs === null) logger.warn(fields, "A message was given up; it can be replayed");
  else logger.info(fields, "A message was not taken; it is tried again");
  return nextMs === null ? "parked" : "failed";
}
