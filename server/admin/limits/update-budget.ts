import { findLockedLimitRule, updateLimitRule } from "../../../db/queries/limit-rules.ts";
import { budgetRuleSchema, makeWireBudget, parseBudgetRule } from "../../core/budget-rule.ts";
import { hasFittingTimezone, unfitTimezoneText } from "../../core/budget-schema.ts";
import { AppError } from "../../core/error.ts";
import { budgetView, updateBudgetInput } from "../../core/limit-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { requireRuleAccess, requireStored } from "./rule-access.ts";
import { makeStoredBudgetView } from "./rule-view.ts";

export const updateBudget = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "PATCH",
      path: "/limits/budgets/{budget_id}",
      operationId: "updateLimitBudget",
      summary: "Change a budget for an owner, a tag or all",
      description:
        "What is not said stays as it is. Not those of the config file. In force on every gateway within a second.",
      tags: ["Limits"],
      refusals: [409],
    },
  })
  .input(updateBudgetInput)
  .output(budgetView)
  .mutation(async ({ ctx, input }) => {
    requireRuleAccess(ctx);
    requireStored(input.budget_id);
    return await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedLimitRule(transaction, "budget", input.budget_id);
      if (stored === null) throw new AppError("not_found");
      const { budget_id: _, ...said } = input;
      const kept = budgetRuleSchema.parse(stored.body);
      const period = said.period ?? kept.period;
      const isCalendar = hasFittingTimezone({ period, timezone: "UTC" });
      if (!isCalendar && said.timezone !== undefined) {
        throw makeValidationError([{ path: "timezone", message: unfitTimezoneText }]);
      }
      const budget = parseBudgetRule({
        limit_usd: said.limit_usd ?? kept.limit_usd,
        period,
        timezone: isCalendar ? (said.timezone ?? kept.timezone) : undefined,
        scope: said.scope === null ? undefined : (said.scope ?? kept.scope),
      });
      const changed = await updateLimitRule(transaction, stored.id, makeWireBudget(budget));
      const after = makeStoredBudgetView(changed);
      await insertAudit(ctx, transaction, {
        objectType: "limit_budget",
        objectId: stored.id,
        ownerId: null,
        before: makeStoredBudgetView(stored),
        after,
      });
      return after;
    });
  });
