import { insertLimitRule } from "../../../db/queries/limit-rules.ts";
import { AppError } from "../../core/error.ts";
import { makeWireRule, parseWireRule } from "../../core/limit-rule.ts";
import { createRuleInput, ruleView } from "../../core/limit-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { makeRuleId, requireRuleAccess, rulesMax } from "./rule-access.ts";
import { makeStoredRuleView } from "./rule-view.ts";

export const createRule = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/limits/rules",
      operationId: "createLimitRule",
      summary: "Add a rate rule",
      description: "In force on every gateway within a second.",
      tags: ["Limits"],
      refusals: [409],
    },
    status: 201,
  })
  .input(createRuleInput)
  .output(ruleView)
  .mutation(async ({ ctx, input }) => {
    requireRuleAccess(ctx);
    const id = makeRuleId(ctx, "rate");
    const body = makeWireRule(parseWireRule(input));
    return await ctx.database.sql.begin(async (transaction) => {
      const draft = { id, kind: "rate" as const, body, createdBy: findCallerName(ctx.caller) };
      const stored = await insertLimitRule(transaction, draft, rulesMax);
      if (stored === null) throw new AppError("conflict", `There are ${rulesMax} rules already; delete one first.`);
      const after = makeStoredRuleView(stored);
      await insertAudit(ctx, transaction, {
        objectType: "limit_rule",
        objectId: id,
        ownerId: null,
        before: null,
        after,
      });
      return after;
    });
  });
