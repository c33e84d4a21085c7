import { findLockedDelivery, updateReplayedDelivery } from "../../../db/queries/webhook-deliveries.ts";
import { AppError } from "../../core/error.ts";
import { triesMs } from "../../core/webhook-retry.ts";
import { deliveryReference, deliveryView } from "../../core/webhook-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "./webhook-access.ts";
import { makeDeliveryView } from "./webhook-view.ts";

export const replayDelivery = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
      operationId: "replayWebhookDelivery",
      summary: "Send a message once more, with the same id",
      description: "At once, and tried for a day as a new one is.",
      tags: ["Webhooks"],
      refusals: [409],
    },
    status: 202,
  })
  .input(deliveryReference)
  .output(deliveryView)
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    const nowMs = ctx.clock.nowMs();
    return await ctx.database.sql.begin(async (transaction) => {
      const before = await findLockedDelivery(transaction, input.webhook_id, input.delivery_id);
      if (before === null) throw new AppError("not_found");
      if (before.state === "pending")
        throw new AppError("conflict", "The message waits to be sent; nothing is parked.");
      const times = { dueAt: new Date(nowMs), giveUpAt: new Date(nowMs + triesMs) };
      const after = makeDeliveryView(await updateReplayedDelivery(transaction, before.id, times));
      await insertAudit(ctx, transaction, {
        objectType: "webhook_delivery",
        objectId: before.id,
        ownerId: null,
        before: makeDeliveryView(before),
        after,
      });
      return after;
    });
  });
