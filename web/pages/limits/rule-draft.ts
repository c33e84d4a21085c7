import type { Inputs } from "../../app/api.ts";
import { parseNumber } from "../../format/parse-number.ts";
import { parseLimitName, type RateWindow, type Resource, type RuleView } from "./limit-words.ts";
import { makeRowId, makeScope, makeScopeDraft, type ScopeDraft } from "./scope-draft.ts";

/** One limit of a rule as it stands in the form. */
export interface LimitDraft {
  id: number;
  resource: Resource;
  window: RateWindow;
  isBucket: boolean;
  /** Of a bucket: how much at once. */
  amount: string;
  refill: string;
}

/** A rate rule as it stands in the form. */
export interface RuleDraft {
  isAlways: boolean;
  priority: string;
  limits: readonly LimitDraft[];
  scopes: readonly ScopeDraft[];
}

export function makeLimitDraft(name: string, amount: RuleView["limits"][string]): LimitDraft {
  const { resource, window } = parseLimitName(name) ?? { resource: "requests", window: "minute" };
  const isBucket = typeof amount === "object";
  return {
    id: makeRowId(),
    resource,
    window,
    isBucket,
    amount: String(isBucket ? amount.capacity : amount),
    refill: isBucket ? String(amount.refill_rate) : "",
  };
}

/** @param rule `null`: one that is to be made. */
export function makeRuleDraft(rule: RuleView | null): RuleDraft {
  if (rule === null) {
    return {
      isAlways: true,
      priority: "0",
      limits: [makeLimitDraft("requests_per_minute", "")],
      scopes: [makeScopeDraft({ api_key_public_id: "tensorzero::each" })],
    };
  }
  return {
    isAlways: rule.always,
    priority: String(rule.priority ?? 0),
    limits: Object.entries(rule.limits).map(([name, amount]) => makeLimitDraft(name, amount)),
    scopes: rule.scope.map(makeScopeDraft),
  };
}

export function nameLimit({ resource, window }: LimitDraft): string {
  return `${resource}_per_${window}`;
}

/** What the gateway is told. Mistakes are for the gateway to name. */
export function makeRuleInput({ isAlways, priority, limits, scopes }: RuleDraft): Inputs["rules"]["create"] {
  return {
    ...(isAlways ? { always: true } : { priority: parseNumber(priority) }),
    limits: Object.fromEntries(
      limits.map((limit) => {
        const read = (text: string): number | string => (limit.resource === "cost" ? text.trim() : parseNumber(text));
        return [
          nameLimit(limit),
          limit.isBucket ? { capacity: read(limit.amount), refill_rate: read(limit.refill) } : read(limit.amount),
        ];
      }),
    ),
    scope: scopes.map(makeScope),
  };
}
