import { findLockedWebhook, updateWebhookSecret } from "../../../db/queries/webhooks.ts";
import { AppError } from "../../core/error.ts";
import { createdWebhookView, webhookReference } from "../../core/webhook-schema.ts";
import { makeWebhookSecret } from "../../core/webhook-signature.ts";
import { makeSealed } from "../../platform/seal.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "./webhook-access.ts";
import { makeWebhookView } from "./webhook-view.ts";

/** So long messages carry both signatures. */
const overlapMs = 24 * 60 * 60_000;

export const rotateWebhookSecret = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/webhooks/{webhook_id}/rotate-secret",
      operationId: "rotateWebhookSecret",
      summary: "Give a webhook a new secret; for a day messages are signed with the old one too",
      tags: ["Webhooks"],
      refusals: [409],
    },
    status: 201,
  })
  .input(webhookReference)
  .output(createdWebhookView)
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    return await ctx.database.sql.begin(async (transaction) => {
      const before = await findLockedWebhook(transaction, input.webhook_id);
      if (before === null) throw new AppError("not_found");
      if (before.secretSealed === null) {
        throw new AppError("conflict", `A webhook of the kind ${before.kind} has no secret; only standard ones do.`);
      }
      const secret = makeWebhookSecret(ctx.randomBytes);
      const place = { table: "webhook", id: before.id, field: "secret" };
      const nowMs = ctx.clock.nowMs();
      const stored = await updateWebhookSecret(transaction, before.id, {
        secretSealed: makeSealed(ctx.config.sealKey, place, secret),
        previousSecretSealed: before.secretSealed,
        rotatedAt: new Date(nowMs),
        previousUntil: new Date(nowMs + overlapMs),
      });
      const after = makeWebhookView(stored);
      await insertAudit(ctx, transaction, {
        objectType: "webhook",
        objectId: before.id,
        ownerId: null,
        before: makeWebhookView(before),
        after,
      });
      return { ...after, secret: secret.reveal() };
    });
  });
