import { findLimitRule } from "../../../db/queries/limit-rules.ts";
import { AppError } from "../../core/error.ts";
import { budgetReference, budgetView } from "../../core/limit-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { parseConfigId, requireRuleAccess } from "./rule-access.ts";
import { makeConfigBudgetView, makeStoredBudgetView } from "./rule-view.ts";

export const getBudget = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/limits/budgets/{budget_id}",
      operationId: "getLimitBudget",
      summary: "Show one budget for an owner, a tag or all",
      tags: ["Limits"],
    },
  })
  .input(budgetReference)
  .output(budgetView)
  .query(async ({ ctx, input }) => {
    requireRuleAccess(ctx);
    const index = parseConfigId("budget", input.budget_id);
    const configured = ctx.config.budgets[index];
    if (configured !== undefined) return makeConfigBudgetView(configured, index);
    const stored = await findLimitRule(ctx.database.sql, "budget", input.budget_id);
    if (stored === null) throw new AppError("not_found");
    return makeStoredBudgetView(stored);
  });
