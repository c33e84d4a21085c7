import { insertAlertRule } from "../../../db/queries/alert-rules.ts";
import { makeAlertBody } from "../../core/alert-rule.ts";
import { alertView, createAlertInput } from "../../core/alert-schema.ts";
import { AppError } from "../../core/error.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { makeRandomText } from "../users/random-text.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";
import { makeAlertView } from "./alert-view.ts";
import { requireWholeRule } from "./require-whole-rule.ts";

/** Each is looked at every minute: more would be a mistake, not a need. */
const rulesMax = 1_000;

export const createAlertRule = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/alerts/rules",
      operationId: "createAlertRule",
      summary: "Add a rule that tells when something happens",
      description: "It is looked at each minute. What it finds is one incident for as long as it holds.",
      tags: ["Alerts"],
      refusals: [409],
    },
    status: 201,
  })
  .input(createAlertInput)
  .output(alertView)
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    const id = `alert_${makeRandomText(ctx.randomBytes, 20)}`;
    const body = makeAlertBody(input);
    return await ctx.database.sql.begin(async (transaction) => {
      await requireWholeRule(transaction, body);
      const draft = { id, body, createdBy: findCallerName(ctx.caller) };
      const stored = await insertAlertRule(transaction, draft, rulesMax);
      if (stored === null) throw new AppError("conflict", `There are ${rulesMax} rules already; delete one first.`);
      const after = makeAlertView(stored);
      await insertAudit(ctx, transaction, {
        objectType: "alert_rule",
        objectId: id,
        ownerId: null,
        before: null,
        after,
      });
      return after;
    });
  });
