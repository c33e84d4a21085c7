import type { ApiKey, Budget } from "./api-key.ts";
import { formatUsd, type NanoUsd } from "./money.ts";
import { permissionCatalogue } from "./permission.ts";

/** What the keys of a member may be at most. `null`: no ceiling. */
export interface Plan {
  name: string;
  /** Keys that a member may hold at once, disabled ones too. */
  keysMax: number;
  /** Of each key, in {@link planPeriod}. */
  budgetNanoUsd: NanoUsd | null;
  /** Of each key. */
  requestsPerMinuteMax: number | null;
  /** Allowlist of model names; a key may call what both it and its plan allow. */
  models: readonly string[];
  /** False: a key is replaced by a new one, never given a second secret. */
  mayRotate: boolean;
}

export const userRoles = ["member", "admin"] as const;
export type UserRole = (typeof userRoles)[number];

/** What of a key's owner decides over the key. */
export interface KeyOwner {
  role: UserRole;
  /** Name of the plan. */
  plan: string;
  isDisabled: boolean;
}

/** The period of a plan's budget, from each key's creation. */
const planPeriod = "30d";

const rate = "requests_per_minute";
const services = new Set(permissionCatalogue.map((name) => name.slice(0, name.indexOf(":"))));

/** The plan of that name; one that the config no longer has counts as the first. */
export function findPlan(plans: ReadonlyMap<string, Plan>, name: string): Plan {
  const plan = plans.get(name) ?? plans.values().next().value;
  if (plan === undefined) throw new Error("a config has at least one plan");
  return plan;
}

/** The plan that holds for an owner's keys; `null` where none does: nobody's keys and those of admins have no ceiling. */
export function findOwnerPlan(plans: ReadonlyMap<string, Plan>, owner: KeyOwner | null): Plan | null {
  return owner === null || owner.role === "admin" ? null : findPlan(plans, owner.plan);
}

/** True for what no key of a member can hold: it would reach beyond the member's own. */
export function isForbiddenToMembers(grant: string): boolean {
  return grant === "*" || grant.startsWith("admin:") || grant.startsWith("keys:");
}

/** Fills in what a plan gives to every key: its budget, where the key has none of that period, and its rate. */
export function makePlannedLimits(
  plan: Plan,
  key: Pick<ApiKey, "budgets" | "rateLimits">,
): { budgets: readonly Budget[]; rateLimits: Readonly<Record<string, number>> } {
  const { budgetNanoUsd, requestsPerMinuteMax } = plan;
  const hasBudget = budgetNanoUsd === null || key.budgets.some(({ period }) => period === planPeriod);
  const hasRate = requestsPerMinuteMax === null || Object.hasOwn(key.rateLimits, rate);
  return {
    budgets: hasBudget ? key.budgets : [...key.budgets, { limitNanoUsd: budgetNanoUsd, period: planPeriod }],
    rateLimits: hasRate ? key.rateLimits : { ...key.rateLimits, [rate]: requestsPerMinuteMax },
  };
}

/** What of a key goes beyond the plan of its owner; empty where nothing does. Paths are names on the wire. */
export function findPlanProblems(
  plan: Plan,
  key: Pick<ApiKey, "budgets" | "rateLimits">,
): { path: string; message: string }[] {
  const problems: { path: string; message: string }[] = [];
  const { budgetNanoUsd, requestsPerMinuteMax } = plan;
  key.budgets.forEach(({ period, limitNanoUsd }, index) => {
    if (budgetNanoUsd === null || period !== planPeriod || limitNanoUsd <= budgetNanoUsd) return;
    problems.push({
      path: `budgets[${index}].limit_usd`,
      message: `must be at most ${formatUsd(budgetNanoUsd)} USD per ${planPeriod}, which the plan ${plan.name} allows`,
    });
  });
  const wanted = key.rateLimits[rate];
  if (requestsPerMinuteMax !== null && wanted !== undefined && wanted > requestsPerMinuteMax) {
    problems.push({
      path: `rate_limits.${rate}`,
      message: `must be at most ${requestsPerMinuteMax}, which the plan ${plan.name} allows`,
    });
  }
  return problems;
}

/**
 * The key as it holds for calls: cut down to what its owner and the owner's plan allow now, whatever they allowed when it
 * was made. The models of the plan are not in it, see `KnownKey.planModels`.
 */
export function makeEffectiveKey(key: ApiKey, owner: KeyOwner | null, plan: Plan | null): ApiKey {
  if (owner === null) return key;
  const state = owner.isDisabled && key.state === "active" ? "disabled" : key.state;
  if (plan === null) return { ...key, state };
  return { ...key, state, permissions: makeMemberPermissions(key.permissions), ...makeCappedLimits(plan, key) };
}

/** {@link makePlannedLimits}, and what goes beyond the plan cut down to it. */
export function makeCappedLimits(plan: Plan, key: Pick<ApiKey, "budgets" | "rateLimits">) {
  const { budgets, rateLimits } = makePlannedLimits(plan, key);
  const { budgetNanoUsd, requestsPerMinuteMax } = plan;
  return {
    budgets: budgets.map((budget) =>
      budgetNanoUsd !== null && budget.period === planPeriod && budget.limitNanoUsd > budgetNanoUsd
        ? { ...budget, limitNanoUsd: budgetNanoUsd }
        : budget,
    ),
    rateLimits:
      requestsPerMinuteMax !== null && (rateLimits[rate] ?? 0) > requestsPerMinuteMax
        ? { ...rateLimits, [rate]: requestsPerMinuteMax }
        : rateLimits,
  };
}

/** Grants without what members may not have: `*` becomes the services that are left. */
function makeMemberPermissions(grants: readonly string[]): readonly string[] {
  if (!grants.some(isForbiddenToMembers)) return grants;
  const left = [...services].map((name) => `${name}:*`).filter((grant) => !isForbiddenToMembers(grant));
  return [...new Set(grants.flatMap((grant) => (isForbiddenToMembers(grant) ? (grant === "*" ? left : []) : [grant])))];
}
