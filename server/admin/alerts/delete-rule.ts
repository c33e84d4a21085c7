import { z } from "zod";
import { deleteAlertRule, findLockedAlertRule } from "../../../db/queries/alert-rules.ts";
import { alertReference } from "../../core/alert-schema.ts";
import { AppError } from "../../core/error.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";
import { makeAlertView } from "./alert-view.ts";

export const deleteOneAlertRule = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "DELETE",
      path: "/alerts/rules/{rule_id}",
      operationId: "deleteAlertRule",
      summary: "Delete an alert rule, with its incidents",
      description: "What it did to keys stays: a rate rule that it made is in the list of rate rules.",
      tags: ["Alerts"],
    },
    status: 204,
  })
  .input(alertReference)
  .output(z.void())
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedAlertRule(transaction, input.rule_id);
      if (stored === null) throw new AppError("not_found");
      await deleteAlertRule(transaction, stored.id);
      const before = makeAlertView(stored);
      await insertAudit(ctx, transaction, {
        objectType: "alert_rule",
        objectId: stored.id,
        ownerId: null,
        before,
        after: null,
      });
    });
  });
