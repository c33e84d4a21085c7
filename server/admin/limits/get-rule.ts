import { findLimitRule } from "../../../db/queries/limit-rules.ts";
import { AppError } from "../../core/error.ts";
import { ruleReference, ruleView } from "../../core/limit-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { parseConfigId, requireRuleAccess } from "./rule-access.ts";
import { makeConfigRuleView, makeStoredRuleView } from "./rule-view.ts";

export const getRule = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/limits/rules/{rule_id}",
      operationId: "getLimitRule",
      summary: "Show one rate rule",
      tags: ["Limits"],
    },
  })
  .input(ruleReference)
  .output(ruleView)
  .query(async ({ ctx, input }) => {
    requireRuleAccess(ctx);
    const index = parseConfigId("rate", input.rule_id);
    const configured = ctx.config.rateLimiting.rules[index];
    if (configured !== undefined) return makeConfigRuleView(configured, index);
    const stored = await findLimitRule(ctx.database.sql, "rate", input.rule_id);
    if (stored === null) throw new AppError("not_found");
    return makeStoredRuleView(stored);
  });
