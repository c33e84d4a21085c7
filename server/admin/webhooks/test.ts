import { insertDeliveries } from "../../../db/queries/webhook-deliveries.ts";
import { findLockedWebhook } from "../../../db/queries/webhooks.ts";
import { AppError } from "../../core/error.ts";
import { makeWebhookBody } from "../../core/webhook-message.ts";
import { triesMs } from "../../core/webhook-retry.ts";
import { deliveryView, webhookReference } from "../../core/webhook-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { makeRandomText } from "../users/random-text.ts";
import { requireOperator } from "./webhook-access.ts";
import { makeDeliveryView } from "./webhook-view.ts";

export const testWebhook = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/webhooks/{webhook_id}/test",
      operationId: "testWebhook",
      summary: "Send a message that means nothing",
      description: "It leaves within seconds, as every message does; what became of it is in the list of deliveries.",
      tags: ["Webhooks"],
      refusals: [409],
    },
    status: 202,
  })
  .input(webhookReference)
  .output(deliveryView)
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    const nowMs = ctx.clock.nowMs();
    return await ctx.database.sql.begin(async (transaction) => {
      const webhook = await findLockedWebhook(transaction, input.webhook_id);
      if (webhook === null) throw new AppError("not_found");
      if (!webhook.enabled) throw new AppError("conflict", "The webhook is switched off; enable it first.");
      const body = makeWebhookBody({
        type: "webhook.test",
        timestamp: new Date(nowMs).toISOString(),
        data: { title: `Test of the webhook ${webhook.name}`, facts: { "Asked for by": findCallerName(ctx.caller) } },
      });
      const [made] = await insertDeliveries(transaction, [
        {
          id: `msg_${makeRandomText(ctx.randomBytes, 24)}`,
          webhookId: webhook.id,
          event: "webhook.test",
          body,
          createdAt: new Date(nowMs),
          giveUpAt: new Date(nowMs + triesMs),
        },
      ]);
      if (made === undefined) throw new AppError("not_found");
      const after = makeDeliveryView(made);
      const change = { objectType: "webhook_delivery", objectId: made.id, ownerId: null, before: null, after };
      await insertAudit(ctx, transaction, change);
      return after;
    });
  });
