import { insertLimitRule } from "../../../db/queries/limit-rules.ts";
import { makeWireBudget, parseBudgetRule } from "../../core/budget-rule.ts";
import { AppError } from "../../core/error.ts";
import { budgetView, createBudgetInput } from "../../core/limit-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { makeRuleId, requireRuleAccess, rulesMax } from "./rule-access.ts";
import { makeStoredBudgetView } from "./rule-view.ts";

export const createBudget = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/limits/budgets",
      operationId: "createLimitBudget",
      summary: "Add a budget for an owner, a tag or all",
      description: "In force on every gateway within a second.",
      tags: ["Limits"],
      refusals: [409],
    },
    status: 201,
  })
  .input(createBudgetInput)
  .output(budgetView)
  .mutation(async ({ ctx, input }) => {
    requireRuleAccess(ctx);
    const id = makeRuleId(ctx, "budget");
    const body = makeWireBudget(parseBudgetRule(input));
    return await ctx.database.sql.begin(async (transaction) => {
      const draft = { id, kind: "budget" as const, body, createdBy: findCallerName(ctx.caller) };
      const stored = await insertLimitRule(transaction, draft, rulesMax);
      if (stored === null) throw new AppError("conflict", `There are ${rulesMax} budgets already; delete one first.`);
      const after = makeStoredBudgetView(stored);
      await insertAudit(ctx, transaction, {
        objectType: "limit_budget",
        objectId: id,
        ownerId: null,
        before: null,
        after,
      });
      return after;
    });
  });
