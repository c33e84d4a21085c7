import { z } from "zod";
import { deleteWebhook, findLockedWebhook } from "../../../db/queries/webhooks.ts";
import { AppError } from "../../core/error.ts";
import { webhookReference } from "../../core/webhook-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "./webhook-access.ts";
import { makeWebhookView } from "./webhook-view.ts";

export const deleteOneWebhook = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "DELETE",
      path: "/webhooks/{webhook_id}",
      operationId: "deleteWebhook",
      summary: "Delete a webhook, with what waits to go there",
      tags: ["Webhooks"],
    },
    status: 204,
  })
  .input(webhookReference)
  .output(z.void())
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedWebhook(transaction, input.webhook_id);
      if (stored === null) throw new AppError("not_found");
      await deleteWebhook(transaction, stored.id);
      await insertAudit(ctx, transaction, {
        objectType: "webhook",
        objectId: stored.id,
        ownerId: null,
        before: makeWebhookView(stored),
        after: null,
      });
    });
  });
