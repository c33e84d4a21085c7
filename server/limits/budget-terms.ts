import type { ApiKey } from "../core/api-key.ts";
import type { BudgetTerms } from "../core/budget.ts";
import type { BudgetRule } from "../core/budget-rule.ts";

/** A budget of the config file or of the table. */
export interface BudgetRuleEntry extends BudgetRule {
  /** Where its periods of `Nd` begin to count: when it was stored; 0 for the config file, which does not say. */
  anchorMs: number;
}

/** A budget that holds for a key's calls, and whose spend it counts. */
export interface HeldBudget {
  entry: BudgetRuleEntry;
  subject: string;
}

/**
 * The budgets that hold for a key's calls, by what only one of them can be: one subject has one budget for each kind of
 * period. That which names it wins over that for each, and of several the smallest.
 */
export function findHeldBudgets(
  budgets: readonly BudgetRuleEntry[],
  key: Pick<ApiKey, "ownerId" | "tags">,
): ReadonlyMap<string, HeldBudget> {
  const found = new Map<string, HeldBudget>();
  for (const entry of budgets) {
    const { period, timezone, anchorMs, scope } = entry;
    const subject = findSubject(scope, key);
    if (subject === null) continue;
    const isCounted = /\dd$/.test(period);
    const place = JSON.stringify([scope.level, subject, period, timezone, isCounted ? anchorMs : 0]);
    const other = found.get(place)?.entry;
    const wins =
      other === undefined ||
      (isNamed(entry) === isNamed(other) ? entry.limitNanoUsd < other.limitNanoUsd : isNamed(entry));
    if (wins) found.set(place, { entry, subject });
  }
  return found;
}

function isNamed({ scope }: BudgetRuleEntry): boolean {
  return scope.level === "deployment" || scope.value !== null;
}

/** The terms of {@link findHeldBudgets}. */
export function listBudgetTerms(
  budgets: readonly BudgetRuleEntry[],
  key: Pick<ApiKey, "ownerId" | "tags">,
  version: number,
): readonly BudgetTerms[] {
  return [...findHeldBudgets(budgets, key).values()].map(
    ({ entry: { limitNanoUsd, period, timezone, anchorMs, scope }, subject }) => ({
      level: scope.level,
      subject,
      limitNanoUsd,
      period,
      timezone,
      anchorMs,
      version,
    }),
  );
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
