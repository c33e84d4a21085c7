import { findLockedWebhook, findWebhook, updateWebhook } from "../../../db/queries/webhooks.ts";
import { AppError } from "../../core/error.ts";
import { updateWebhookInput, webhookView } from "../../core/webhook-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "./webhook-access.ts";
import { makeTarget } from "./webhook-target.ts";
import { makeWebhookView } from "./webhook-view.ts";

export const changeWebhook = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "PATCH",
      path: "/webhooks/{webhook_id}",
      operationId: "updateWebhook",
      summary: "Change a webhook",
      description: "What is not said stays as it is. Messages that wait go to the new place.",
      tags: ["Webhooks"],
    },
  })
  .input(updateWebhookInput)
  .output(webhookView)
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    const found = await findWebhook(ctx.database.sql, input.webhook_id);
    if (found === null) throw new AppError("not_found");
    const wrong = found.kind === "email" ? "url" : "to";
    if (input[wrong] !== undefined) {
      throw makeValidationError([{ path: wrong, message: `must not be given for the kind ${found.kind}` }]);
    }
    // Before the transaction: it asks the network.
    const isMoved = input.url !== undefined || input.to !== undefined;
    const target = isMoved ? await makeTarget(ctx, found, input) : null;
    return await ctx.database.sql.begin(async (transaction) => {
      const before = await findLockedWebhook(transaction, input.webhook_id);
      if (before === null) throw new AppError("not_found");
      const { name = before.name, enabled = before.enabled } = input;
      const after = makeWebhookView(
        await updateWebhook(transaction, before.id, { ...before, ...target, name, enabled }),
      );
      await insertAudit(ctx, transaction, {
        objectType: "webhook",
        objectId: before.id,
        ownerId: null,
        before: makeWebhookView(before),
        after,
      });
      return after;
    });
  });
