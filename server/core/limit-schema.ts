import { z } from "zod";
import { budgetRuleFields, budgetRuleSchema, budgetRuleViewFields } from "./budget-rule.ts";
import { ruleViewFields, wireRuleFields, wireRuleSchema } from "./limit-rule.ts";
import { besideOthers } from "./limit-scope.ts";
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
  scope: budgetRuleFields.scope.nullable().describe("null: of the whole deployment from now on."),
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

export const previewLimitInput = z
  .strictObject({
    rule: createRuleInput.optional().describe("A rate rule as it would be made."),
    budget: createBudgetInput.optional().describe("In place of a rule: a budget as it would be made."),
    replaces: ruleId.optional().describe("The stored one that it would take the place of."),
  })
  .refine(({ rule, budget }) => (rule === undefined) !== (budget === undefined), {
    error: "must have either rule or budget, one of the two",
    ...besideOthers,
  });

const otherLimits = z.array(z.object({ id: z.string(), keys_total: z.number() }));
export const limitPreview = z.object({
  keys_total: z.number().describe("Keys for some call of which it would count."),
  keys: z.array(z.object({ public_id: z.string(), alias: z.string() })).describe("The ten newest of them."),
  takes_over: otherLimits.describe("Rules or budgets that would not count any more for calls that meet it too."),
  yields_to: otherLimits.describe("Those that count in its place for calls that meet them too."),
  complete: z.boolean().describe("false: there are more keys than were looked at."),
  enforced: z.boolean().describe("false: `rate_limiting.enabled` is, and no rate rule counts."),
});

/** Complete: there are few. */
export const ruleList = z.object({ rules: z.array(ruleView), next_cursor: z.null() });
export const budgetList = z.object({ budgets: z.array(budgetView), next_cursor: z.null() });
