import { insertWebhook } from "../../../db/queries/webhooks.ts";
import { AppError } from "../../core/error.ts";
import { createdWebhookView, createWebhookInput } from "../../core/webhook-schema.ts";
import { makeWebhookSecret } from "../../core/webhook-signature.ts";
import { makeSealed } from "../../platform/seal.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { makeRandomText } from "../users/random-text.ts";
import { requireOperator, webhooksMax } from "./webhook-access.ts";
import { makeTarget } from "./webhook-target.ts";
import { makeWebhookView } from "./webhook-view.ts";

export const createWebhook = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/webhooks",
      operationId: "createWebhook",
      summary: "Add a place where messages go",
      description: "Its host must be public (see [egress] allow). What is signed is signed as Standard Webhooks says.",
      tags: ["Webhooks"],
      refusals: [409],
    },
    status: 201,
  })
  .input(createWebhookInput)
  .output(createdWebhookView)
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    const id = `hook_${makeRandomText(ctx.randomBytes, 20)}`;
    const { kind, name, enabled } = input;
    const target = await makeTarget(ctx, { id, kind }, input);
    const secret = kind === "standard" ? makeWebhookSecret(ctx.randomBytes) : null;
    const place = { table: "webhook", id, field: "secret" };
    const secretSealed = secret === null ? null : makeSealed(ctx.config.sealKey, place, secret);
    return await ctx.database.sql.begin(async (transaction) => {
      const draft = { id, kind, name, enabled, ...target, secretSealed, createdBy: findCallerName(ctx.caller) };
      const stored = await insertWebhook(transaction, draft, webhooksMax);
      if (stored === null)
        throw new AppError("conflict", `There are ${webhooksMax} webhooks already; delete one first.`);
      const after = makeWebhookView(stored);
      await insertAudit(ctx, transaction, { objectType: "webhook", objectId: id, ownerId: null, before: null, after });
      return { ...after, secret: secret?.reveal() ?? null };
    });
  });
