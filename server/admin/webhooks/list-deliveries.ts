import { z } from "zod";
import { listDeliveries, type StoredDelivery } from "../../../db/queries/webhook-deliveries.ts";
import { findWebhook } from "../../../db/queries/webhooks.ts";
import { AppError } from "../../core/error.ts";
import { deliveryList, listDeliveriesInput } from "../../core/webhook-schema.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "./webhook-access.ts";
import { makeDeliveryView } from "./webhook-view.ts";

export const listWebhookDeliveries = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/webhooks/{webhook_id}/deliveries",
      operationId: "listWebhookDeliveries",
      summary: "What was sent to a webhook, and what waits, newest first",
      description: "Delivered and parked messages are kept for 30 days.",
      tags: ["Webhooks"],
    },
  })
  .input(listDeliveriesInput)
  .output(deliveryList)
  .query(async ({ ctx, input }) => {
    requireOperator(ctx);
    const { webhook_id: webhookId, limit, cursor, state } = input;
    if ((await findWebhook(ctx.database.sql, webhookId)) === null) throw new AppError("not_found");
    const after = cursor === undefined ? null : parseCursor(cursor);
    const found = await listDeliveries(ctx.database.sql, webhookId, state, { after, limit: limit + 1 });
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      deliveries: page.map(makeDeliveryView),
      next_cursor: found.length > page.length && last !== undefined ? makeCursor(last) : null,
    };
  });

const cursorShape = z.tuple([z.iso.datetime(), z.string().min(1).max(64)]);

function makeCursor({ createdAt, id }: StoredDelivery): string {
  return Buffer.from(JSON.stringify([createdAt.toISOString(), id])).toString("base64url");
}

function parseCursor(text: string): { createdAt: Date; id: string } {
  try {
    const [createdAt, id] = cursorShape.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
    return { createdAt: new Date(createdAt), id };
  } catch {
    throw makeValidationError([{ path: "cursor", message: "must be a next_cursor of an earlier answer" }]);
  }
}
