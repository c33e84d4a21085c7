import { findLockedLimitRule, updateLimitRule } from "../../../db/queries/limit-rules.ts";
import { AppError } from "../../core/error.ts";
import { type LimitRule, makeWireRule, parseWireRule, wireRuleSchema } from "../../core/limit-rule.ts";
import { ruleView, updateRuleInput } from "../../core/limit-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { requireRuleAccess, requireStored } from "./rule-access.ts";
import { makeStoredRuleView } from "./rule-view.ts";

export const updateRule = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "PATCH",
      path: "/limits/rules/{rule_id}",
      operationId: "updateLimitRule",
      summary: "Change a rate rule",
      description:
        "What is not said stays as it is; limits and scope are replaced as a whole. Not those of the config file. In force on every gateway within a second.",
      tags: ["Limits"],
      refusals: [409],
    },
  })
  .input(updateRuleInput)
  .output(ruleView)
  .mutation(async ({ ctx, input }) => {
    requireRuleAccess(ctx);
    requireStored(input.rule_id);
    const { priority, always, limits, scope } = input;
    if (priority !== undefined && always === true) {
      throw makeValidationError([{ path: "priority", message: "must not be given together with always = true" }]);
    }
    return await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedLimitRule(transaction, "rate", input.rule_id);
      if (stored === null) throw new AppError("not_found");
      const kept = parseWireRule(wireRuleSchema.parse(stored.body));
      const rule: LimitRule = {
        priority: always === true ? null : (priority ?? kept.priority),
        limits: limits === undefined ? kept.limits : parseWireRule({ limits }).limits,
        scopes: scope === undefined ? kept.scopes : parseWireRule({ limits: {}, scope }).scopes,
      };
      if (always === false && rule.priority === null) {
        throw makeValidationError([{ path: "priority", message: "must be given with always = false" }]);
      }
      const changed = await updateLimitRule(transaction, stored.id, makeWireRule(rule));
      const after = makeStoredRuleView(changed);
      await insertAudit(ctx, transaction, {
        objectType: "limit_rule",
        objectId: stored.id,
        ownerId: null,
        before: makeStoredRuleView(stored),
        after,
      });
      return after;
    });
  });
