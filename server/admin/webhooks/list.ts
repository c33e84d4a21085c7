import { z } from "zod";
import { listWebhooks } from "../../../db/queries/webhooks.ts";
import { webhookList } from "../../core/webhook-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "./webhook-access.ts";
import { makeWebhookView } from "./webhook-view.ts";

export const listAllWebhooks = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/webhooks",
      operationId: "listWebhooks",
      summary: "List webhooks, newest first",
      tags: ["Webhooks"],
    },
  })
  .input(z.strictObject({}))
  .output(webhookList)
  .query(async ({ ctx }) => {
    requireOperator(ctx);
    return { webhooks: (await listWebhooks(ctx.database.sql)).map(makeWebhookView), next_cursor: null };
  });
