import type { StoredRule } from "../../../db/queries/limit-rules.ts";
import { type BudgetRule, budgetRuleSchema, makeBudgetRuleView, parseBudgetRule } from "../../core/budget-rule.ts";
import { type LimitRule, makeRuleView, parseWireRule, wireRuleSchema } from "../../core/limit-rule.ts";
import type { BudgetView, RuleView } from "../../core/limit-schema.ts";
import { makeConfigId } from "./rule-access.ts";

const fromConfig = { source: "config", created_at: null, created_by: null } as const;

function makeOrigin({ id, createdAt, createdBy }: StoredRule) {
  return { id, source: "api" as const, created_at: createdAt.toISOString(), created_by: createdBy };
}

export function makeConfigRuleView(rule: LimitRule, index: number): RuleView {
  return { id: makeConfigId("rate", index), ...fromConfig, ...makeRuleView(rule) };
}

export function makeConfigBudgetView(rule: BudgetRule, index: number): BudgetView {
  return { id: makeConfigId("budget", index), ...fromConfig, ...makeBudgetRuleView(rule) };
}

/** @throws ZodError for a row that this release did not write. */
export function makeStoredRuleView(stored: StoredRule): RuleView {
  return { ...makeOrigin(stored), ...makeRuleView(parseWireRule(wireRuleSchema.parse(stored.body))) };
}

/** @throws ZodError for a row that this release did not write. */
export function makeStoredBudgetView(stored: StoredRule): BudgetView {
  return { ...makeOrigin(stored), ...makeBudgetRuleView(parseBudgetRule(budgetRuleSchema.parse(stored.body))) };
}
