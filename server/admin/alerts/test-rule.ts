import { z } from "zod";
import { findLockedAlertRule } from "../../../db/queries/alert-rules.ts";
import { insertDeliveries } from "../../../db/queries/webhook-deliveries.ts";
import { alertBody, alertReference } from "../../core/alert-schema.ts";
import { AppError } from "../../core/error.ts";
import { makeWebhookBody } from "../../core/webhook-message.ts";
import { triesMs } from "../../core/webhook-retry.ts";
import { deliveryView } from "../../core/webhook-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { makeRandomText } from "../users/random-text.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";
import { makeDeliveryView } from "../webhooks/webhook-view.ts";

export const testAlertRule = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/alerts/rules/{rule_id}/test",
      operationId: "testAlertRule",
      summary: "Tell all webhooks of a rule that this is a test",
      description: "Also in quiet hours. What became of each message is in the deliveries of its webhook.",
      tags: ["Alerts"],
      refusals: [409],
    },
    status: 202,
  })
  .input(alertReference)
  .output(z.object({ deliveries: z.array(deliveryView) }))
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    const nowMs = ctx.clock.nowMs();
    return await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedAlertRule(transaction, input.rule_id);
      if (stored === null) throw new AppError("not_found");
      const rule = alertBody.parse(stored.body);
      const body = makeWebhookBody({
        type: "alert.test",
        timestamp: new Date(nowMs).toISOString(),
        data: {
          title: `Test of the alert rule ${rule.name}`,
          facts: { "Asked for by": findCallerName(ctx.caller) },
          rule_id: stored.id,
          kind: rule.kind,
        },
      });
      const drafts = rule.webhooks.map((webhookId) => ({
        id: `msg_${makeRandomText(ctx.randomBytes, 24)}`,
        webhookId,
        event: "alert.test",
        body,
        createdAt: new Date(nowMs),
        giveUpAt: new Date(nowMs + triesMs),
      }));
      const deliveries = (await insertDeliveries(transaction, drafts)).map(makeDeliveryView);
      if (deliveries.length === 0) throw new AppError("conflict", "The rule names no webhook that exists.");
      await insertAudit(ctx, transaction, {
        objectType: "alert_rule",
        objectId: stored.id,
        ownerId: null,
        before: null,
        after: { deliveries },
      });
      return { deliveries };
    });
  });
