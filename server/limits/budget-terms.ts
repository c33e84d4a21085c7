import type { ApiKey } from "../core/api-key.ts";
import type { BudgetTerms } from "../core/budget.ts";
import type { BudgetRule } from "../core/budget-rule.ts";

/** A budget of the config file or of the table. */
export interface BudgetRuleEntry extends BudgetRule {
  /** Where its periods of `Nd` begin to count: when it was stored; 0 for the config file, which does not say. */
  anchorMs: number;
}

/**
 * The budgets that hold for a key's calls. One subject has one budget for each kind of period: that which names it wins
 * over that for each, and of several the smallest.
 */
export function listBudgetTerms(
  budgets: readonly BudgetRuleEntry[],
  key: Pick<ApiKey, "ownerId" | "tags">,
  version: number,
): readonly BudgetTerms[] {
  const found = new Map<string, { terms: BudgetTerms; isNamed: boolean }>();
  for (const { limitNanoUsd, period, timezone, anchorMs, scope } of budgets) {
    const subject = findSubject(scope, key);
    if (subject === null) continue;
    const isCounted = /\dd$/.test(period);
    const terms: BudgetTerms = {
      level: scope.level,
      subject,
      limitNanoUsd,
      period,
      timezone,
      anchorMs,
      version,
    };
    const isNamed = scope.level === "deployment" || scope.value !== null;
    const name = JSON.stringify([scope.level, subject, period, timezone, isCounted ? anchorMs : 0]);
    const other = found.get(name);
    const wins =
      other === undefined ||
      (isNamed === other.isNamed ? limitNanoUsd < other.terms.limitNanoUsd : isNamed && !other.isNamed);
    if (wins) found.set(name, { terms, isNamed });
  }
  return [...found.values()].map(({ terms }) => terms);
}

function findSubject(scope: BudgetRule["scope"], key: Pick<ApiKey, "ownerId" | "tags">): string | null {
  switch (scope.level) {
    case "deployment":
      return "";
    case "owner":
      return key.ownerId !== null && (scope.value === null || scope.value === key.ownerId) ? key.ownerId : null;
    case "tag": {
      const value = Object.hasOwn(key.tags, scope.tagKey) ? key.tags[scope.tagKey] : undefined;
      if (value === undefined || (scope.value !== null && scope.value !== value)) return null;
      return `${scope.tagKey}=${value}`;
    }
  }
}
