import { z } from "zod";
import { deleteLimitRule, findLockedLimitRule } from "../../../db/queries/limit-rules.ts";
import { AppError } from "../../core/error.ts";
import { budgetReference } from "../../core/limit-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireRuleAccess, requireStored } from "./rule-access.ts";
import { makeStoredBudgetView } from "./rule-view.ts";

export const deleteBudget = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "DELETE",
      path: "/limits/budgets/{budget_id}",
      operationId: "deleteLimitBudget",
      summary: "Delete a budget for an owner, a tag or all",
      description: "Not those of the config file. Holds on every gateway within a second.",
      tags: ["Limits"],
      refusals: [409],
    },
    status: 204,
  })
  .input(budgetReference)
  .output(z.void())
  .mutation(async ({ ctx, input }) => {
    requireRuleAccess(ctx);
    requireStored(input.budget_id);
    await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedLimitRule(transaction, "budget", input.budget_id);
      if (stored === null) throw new AppError("not_found");
      await deleteLimitRule(transaction, stored.id);
      await insertAudit(ctx, transaction, {
        objectType: "limit_budget",
        objectId: stored.id,
        ownerId: null,
        before: makeStoredBudgetView(stored),
        after: null,
      });
    });
  });
