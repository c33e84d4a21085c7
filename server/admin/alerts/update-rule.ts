import { findLockedAlertRule, updateAlertRule } from "../../../db/queries/alert-rules.ts";
import { makeChangedBody } from "../../core/alert-rule.ts";
import { alertBody, alertView, updateAlertInput } from "../../core/alert-schema.ts";
import { AppError } from "../../core/error.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";
import { makeAlertView } from "./alert-view.ts";
import { requireWholeRule } from "./require-whole-rule.ts";

export const changeAlertRule = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "PATCH",
      path: "/alerts/rules/{rule_id}",
      operationId: "updateAlertRule",
      summary: "Change an alert rule",
      description: "What is not said stays as it is; lists and the scope are replaced as a whole. The kind stays.",
      tags: ["Alerts"],
    },
  })
  .input(updateAlertInput)
  .output(alertView)
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    return await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedAlertRule(transaction, input.rule_id);
      if (stored === null) throw new AppError("not_found");
      const { rule_id: _, ...change } = input;
      const body = makeChangedBody(alertBody.parse(stored.body), change);
      await requireWholeRule(transaction, body);
      const after = makeAlertView(await updateAlertRule(transaction, stored.id, body));
      const before = makeAlertView(stored);
      await insertAudit(ctx, transaction, {
        objectType: "alert_rule",
        objectId: stored.id,
        ownerId: null,
        before,
        after,
      });
      return after;
    });
  });
