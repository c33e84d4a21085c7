import { z } from "zod";
import { budgetRuleFields, budgetRuleSchema, budgetRuleViewFields } from "./budget-rule.ts";
import { ruleViewFields, wireRuleFields, wireRuleSchema } from "./limit-rule.ts";
import { wireInstantOut } from "./wire-types.ts";

const ruleId = z
  .string()
  .regex(/^(rule|budget)_[0-9A-Za-z]{1,40}$/, "must be the id of a rule")
  .describe("The rule's id.");

export const ruleReference = z.strictObject({ rule_id: ruleId });
export const budgetReference = z.strictObject({ budget_id: ruleId.describe("The budget's id.") });

export const createRuleInput = wireRuleSchema;
export const createBudgetInput = budgetRuleSchema;

/** What is not said stays as it is; a priority takes the place of `always`, and the other way round. */
export const updateRuleInput = z.strictObject({
  rule_id: ruleId,
  ...wireRuleFields,
  limits: wireRuleFields.limits.optional(),
});

/** What is not said stays as it is. */
export const updateBudgetInput = z.strictObject({
  budget_id: ruleId.describe("The budget's id."),
  limit_usd: budgetRuleFields.limit_usd.optional(),
  period: budgetRuleFields.period.optional(),
  timezone: budgetRuleFields.timezone,
  scope: budgetRuleFields.scope,
});

const entryFields = {
  id: z.string(),
  source: z.enum(["config", "api"]).describe("config: from the config file, and changed there only."),
  created_at: wireInstantOut.nullable(),
  created_by: z.string().nullable(),
};

export const ruleView = z.object({ ...entryFields, ...ruleViewFields });
export const budgetView = z.object({ ...entryFields, ...budgetRuleViewFields });
export type RuleView = z.infer<typeof ruleView>;
export type BudgetView = z.infer<typeof budgetView>;

/** Complete: there are few. */
export const ruleList = z.object({ rules: z.array(ruleView), next_cursor: z.null() });
export const budgetList = z.object({ budgets: z.array(budgetView), next_cursor: z.null() });
