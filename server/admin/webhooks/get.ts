import { findWebhook } from "../../../db/queries/webhooks.ts";
import { AppError } from "../../core/error.ts";
import { webhookReference, webhookView } from "../../core/webhook-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "./webhook-access.ts";
import { makeWebhookView } from "./webhook-view.ts";

export const getWebhook = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/webhooks/{webhook_id}",
      operationId: "getWebhook",
      summary: "Show one webhook",
      tags: ["Webhooks"],
    },
  })
  .input(webhookReference)
  .output(webhookView)
  .query(async ({ ctx, input }) => {
    requireOperator(ctx);
    const stored = await findWebhook(ctx.database.sql, input.webhook_id);
    if (stored === null) throw new AppError("not_found");
    return makeWebhookView(stored);
  });
