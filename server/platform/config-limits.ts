import { type BudgetRule, parseBudgetRule } from "../core/budget-rule.ts";
import { parseConfigRule } from "../core/limit-rule.ts";
import type { Config } from "./config.ts";
import type { ConfigMistake } from "./config-error.ts";
import { budgetsSchema, rateLimitingSchema } from "./config-schema.ts";
import { type ConfigPart, parseSection } from "./config-section.ts";

/** Reads `[rate_limiting]`. Without rules where there is a mistake, which is added to `mistakes`. */
export function parseRateLimiting(part: ConfigPart, mistakes: ConfigMistake[]): Config["rateLimiting"] {
  const section = parseSection(rateLimitingSchema, { ...part, value: part.value ?? {} }, mistakes);
  if (section === null) return { enabled: true, trustRequestTags: false, rules: [] };
  const { enabled, trust_request_tags: trustRequestTags, rules } = section;
  return { enabled, trustRequestTags, rules: rules.map(parseConfigRule) };
}

/** Reads `[[budgets]]`; none where there is a mistake, which is added to `mistakes`. */
export function parseBudgets(part: ConfigPart, mistakes: ConfigMistake[]): readonly BudgetRule[] {
  return (parseSection(budgetsSchema, { ...part, value: part.value ?? [] }, mistakes) ?? []).map(parseBudgetRule);
}
