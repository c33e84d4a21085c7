import { z } from "zod";
import { updateParkedDeliveries } from "../../../db/queries/webhook-deliveries.ts";
import { findLockedWebhook } from "../../../db/queries/webhooks.ts";
import { AppError } from "../../core/error.ts";
import { triesMs } from "../../core/webhook-retry.ts";
import { webhookReference } from "../../core/webhook-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "./webhook-access.ts";

export const replayParkedDeliveries = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/webhooks/{webhook_id}/replay-parked",
      operationId: "replayParkedWebhookDeliveries",
      summary: "Send all messages that were given up once more, with the same ids",
      description: "At once, and tried for a day as new ones are.",
      tags: ["Webhooks"],
    },
    status: 202,
  })
  .input(webhookReference)
  .output(z.object({ replayed: z.number().describe("How many messages wait again.") }))
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    const nowMs = ctx.clock.nowMs();
    return await ctx.database.sql.begin(async (transaction) => {
      const webhook = await findLockedWebhook(transaction, input.webhook_id);
      if (webhook === null) throw new AppError("not_found");
      const times = { dueAt: new Date(nowMs), giveUpAt: new Date(nowMs + triesMs) };
      const after = { replayed: await updateParkedDeliveries(transaction, webhook.id, times) };
      await insertAudit(ctx, transaction, {
        objectType: "webhook",
        objectId: webhook.id,
        ownerId: null,
        before: null,
        after,
      });
      return after;
    });
  });
