import { z } from "zod";
import { deleteLimitRule, findLockedLimitRule } from "../../../db/queries/limit-rules.ts";
import { AppError } from "../../core/error.ts";
import { ruleReference } from "../../core/limit-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireRuleAccess, requireStored } from "./rule-access.ts";
import { makeStoredRuleView } from "./rule-view.ts";

export const deleteRule = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "DELETE",
      path: "/limits/rules/{rule_id}",
      operationId: "deleteLimitRule",
      summary: "Delete a rate rule",
      description: "Not those of the config file. Holds on every gateway within a second.",
      tags: ["Limits"],
      refusals: [409],
    },
    status: 204,
  })
  .input(ruleReference)
  .output(z.void())
  .mutation(async ({ ctx, input }) => {
    requireRuleAccess(ctx);
    requireStored(input.rule_id);
    await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedLimitRule(transaction, "rate", input.rule_id);
      if (stored === null) throw new AppError("not_found");
      await deleteLimitRule(transaction, stored.id);
      await insertAudit(ctx, transaction, {
        objectType: "limit_rule",
        objectId: stored.id,
        ownerId: null,
        before: makeStoredRuleView(stored),
        after: null,
      });
    });
  });
