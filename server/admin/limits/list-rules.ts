import { z } from "zod";
import { listLimitRules } from "../../../db/queries/limit-rules.ts";
import { ruleList } from "../../core/limit-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireRuleAccess } from "./rule-access.ts";
import { makeConfigRuleView, makeStoredRuleView } from "./rule-view.ts";

export const listRules = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/limits/rules",
      operationId: "listLimitRules",
      summary: "List rate rules: those of the config file, then the others, newest first",
      tags: ["Limits"],
    },
  })
  .input(z.strictObject({}))
  .output(ruleList)
  .query(async ({ ctx }) => {
    requireRuleAccess(ctx);
    const stored = await listLimitRules(ctx.database.sql, "rate");
    return {
      rules: [...ctx.config.rateLimiting.rules.map(makeConfigRuleView), ...stored.map(makeStoredRuleView)],
      next_cursor: null,
    };
  });
