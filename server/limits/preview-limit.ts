import { setImmediate as nextTurn } from "node:timers/promises";
import type { LiveKey } from "../../db/queries/list-live-keys.ts";
import type { LimitRule } from "../core/limit-rule.ts";
import { type BudgetRuleEntry, findHeldBudgets } from "./budget-terms.ts";
import { type RuleKey, RuleSet } from "./rule-set.ts";

/** What a rule or a budget would do to one key. `null`: no call of the key meets it. */
export type LimitEffect = {
  /** False: it would count for no call of the key, because of those that it yields to. */
  holds: boolean;
  /** Ids of those that would not count any more for the calls that it counts for. */
  takesOver: readonly string[];
  /** Ids of those that count in its place, for all calls or for those that meet both. */
  yieldsTo: readonly string[];
} | null;

export type FindEffect = (key: RuleKey) => LimitEffect;

/** What would become of all keys. */
export interface LimitPreview {
  keysTotal: number;
  /** The first of them. */
  keys: readonly LiveKey[];
  /** Of how many of the keys, by id. */
  takesOver: ReadonlyMap<string, number>;
  yieldsTo: ReadonlyMap<string, number>;
  /** False: there are more keys than were looked at. */
  isComplete: boolean;
}

const shownMax = 10;

/** A preview works beside calls: so many keys are looked at in one turn of the event loop. */
const keysPerTurn = 20;

/** The rule of the gateway decides, with the new rule among the others and without it. @param others by id; without the one that it replaces. */
export function makeRuleEffect(
  rule: LimitRule,
  others: ReadonlyMap<string, LimitRule>,
  trustRequestTags: boolean,
): FindEffect {
  const makeSet = (rules: readonly LimitRule[]) => new RuleSet({ rules, budgets: [], trustRequestTags, version: 0 });
  const alone = makeSet([rule]);
  const before = makeSet([...others.values()]);
  const after = makeSet([...others.values(), rule]);
  const ids = new Map([...others].map(([id, other]) => [other, id]));
  return (key) => {
    if (alone.listRules(key).length === 0) return null;
    const ranked = before.listRules(key).filter(({ priority }) => priority !== null && rule.priority !== null);
    const listIds = (isMeant: (difference: number) => boolean): string[] =>
      ranked.flatMap((other) => {
        const id = ids.get(other);
        return id !== undefined && isMeant((rule.priority ?? 0) - (other.priority ?? 0)) ? [id] : [];
      });
    const holds = after.listRules(key).includes(rule);
    return {
      holds,
      takesOver: holds ? listIds((difference) => difference > 0) : [],
      yieldsTo: listIds((difference) => difference < 0),
    };
  };
}

/** The same for a budget. */
export function makeBudgetEffect(budget: BudgetRuleEntry, others: ReadonlyMap<string, BudgetRuleEntry>): FindEffect {
  const before = [...others.values()];
  const after = [...before, budget];
  const ids = new Map([...others].map(([id, other]) => [other, id]));
  return (key) => {
    const [place] = findHeldBudgets([budget], key).keys();
    if (place === undefined) return null;
    const holder = findHeldBudgets(after, key).get(place)?.entry;
    const holds = holder === budget;
    const other = holds ? findHeldBudgets(before, key).get(place)?.entry : holder;
    const id = other === undefined ? undefined : ids.get(other);
    const named = id === undefined ? [] : [id];
    return { holds, takesOver: holds ? named : [], yieldsTo: holds ? [] : named };
  };
}

/** @param keysMax so many keys are looked at, in the order in which `pages` gives them. */
export async function previewLimit(
  findEffect: FindEffect,
  pages: AsyncIterable<readonly LiveKey[]>,
  keysMax: number,
): Promise<LimitPreview> {
  const keys: LiveKey[] = [];
  const takesOver = new Map<string, number>();
  const yieldsTo = new Map<string, number>();
  let keysTotal = 0;
  let looked = 0;
  for await (const page of pages) {
    for (const key of page) {
      if (looked === keysMax) return { keysTotal, keys, takesOver, yieldsTo, isComplete: false };
      if (++looked % keysPerTurn === 0) await nextTurn();
      const effect = findEffect(key);
      if (effect === null) continue;
      addAll(takesOver, effect.takesOver);
      addAll(yieldsTo, effect.yieldsTo);
      if (!effect.holds) continue;
      keysTotal++;
      if (keys.length < shownMax) keys.push(key);
    }
  }
  return { keysTotal, keys, takesOver, yieldsTo, isComplete: true };
}

function addAll(counts: Map<string, number>, ids: readonly string[]): void {
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
}
