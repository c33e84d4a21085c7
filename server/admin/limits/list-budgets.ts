import { z } from "zod";
import { listLimitRules } from "../../../db/queries/limit-rules.ts";
import { budgetList } from "../../core/limit-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireRuleAccess } from "./rule-access.ts";
import { makeConfigBudgetView, makeStoredBudgetView } from "./rule-view.ts";

export const listBudgets = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/limits/budgets",
      operationId: "listLimitBudgets",
      summary:
        "List budgets of owners, tags and the deployment: those of the config file, then the others, newest first",
      tags: ["Limits"],
    },
  })
  .input(z.strictObject({}))
  .output(budgetList)
  .query(async ({ ctx }) => {
    requireRuleAccess(ctx);
    const stored = await listLimitRules(ctx.database.sql, "budget");
    return {
      budgets: [...ctx.config.budgets.map(makeConfigBudgetView), ...stored.map(makeStoredBudgetView)],
      next_cursor: null,
    };
  });
