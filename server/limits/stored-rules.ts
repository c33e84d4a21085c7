import type { StoredRule } from "../../db/queries/limit-rules.ts";
import { budgetRuleSchema, parseBudgetRule } from "../core/budget-rule.ts";
import { type LimitRule, parseWireRule, wireRuleSchema } from "../core/limit-rule.ts";
import type { BudgetRuleEntry } from "./budget-terms.ts";

/** Stored rules in the form that is matched, by their ids, in the order in which they were given. */
export interface ParsedRules {
  rules: ReadonlyMap<string, LimitRule>;
  budgets: ReadonlyMap<string, BudgetRuleEntry>;
}

/** @param onBroken hears of a row that this release cannot read; it is left out. */
export function parseStoredRules(
  stored: readonly Pick<StoredRule, "id" | "kind" | "body" | "createdAt">[],
  onBroken: (id: string, error: Error) => void,
): ParsedRules {
  const rules = new Map<string, LimitRule>();
  const budgets = new Map<string, BudgetRuleEntry>();
  for (const { id, kind, body, createdAt } of stored) {
    if (kind === "rate") {
      const parsed = wireRuleSchema.safeParse(body);
      if (parsed.success) rules.set(id, parseWireRule(parsed.data));
      else onBroken(id, parsed.error);
    } else {
      const parsed = budgetRuleSchema.safeParse(body);
      if (parsed.success) budgets.set(id, { ...parseBudgetRule(parsed.data), anchorMs: createdAt.getTime() });
      else onBroken(id, parsed.error);
    }
  }
  return { rules, budgets };
}

/** A budget of the config file as it is matched. */
export function makeConfigEntry(budget: Omit<BudgetRuleEntry, "anchorMs">): BudgetRuleEntry {
  return { ...budget, anchorMs: 0 };
}
