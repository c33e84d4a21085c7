import type postgres from "postgres";
import { findUser } from "../../../db/queries/find-user.ts";
import { findOwnedKeys } from "../../../db/queries/owned-keys.ts";
import type { ApiKeyChange } from "../../../db/queries/update-api-key.ts";
import { findLockedUser } from "../../../db/queries/update-user.ts";
import type { ApiKey } from "../../core/api-key.ts";
import { findExcess } from "../../core/delegation.ts";
import { AppError } from "../../core/error.ts";
import {
  findOwnerPlan,
  findPlanProblems,
  isForbiddenToMembers,
  makeCappedLimits,
  makePlannedLimits,
  type Plan,
} from "../../core/plan.ts";
import type { User } from "../../core/user.ts";
import type { AdminContext } from "../context.ts";
import { makeValidationError } from "../refusal.ts";
import type { KeyDraft } from "./key-draft.ts";

/** The plan that holds for a user's keys; `null`: none. */
function findUserPlan(ctx: AdminContext, user: User | null): Plan | null {
  return findOwnerPlan(ctx.config.plans, user === null ? null : { ...user, isDisabled: user.disabledAt !== null });
}

/**
 * Brings a new key under the plan of its owner, whoever makes it: what was not said becomes what the plan gives.
 *
 * @param given which of the limits were said.
 * @throws AppError `validation_failed` where what was said goes beyond the plan; `permission_denied` where it grants what
 * no member's key may hold, or where a member makes a key for somebody else.
 */
export async function makePlannedDraft(
  ctx: AdminContext,
  draft: KeyDraft,
  given: { budgets: boolean; rateLimits: boolean },
): Promise<KeyDraft> {
  requireOwnKey(ctx, { ...draft, ownerId: null, providerCredentials: {} }, draft);
  const plan = findUserPlan(ctx, draft.ownerId === null ? null : await findUser(ctx.database.sql, draft.ownerId));
  if (plan === null) return draft;
  requireMemberPermissions(draft.permissions);
  requirePlan(plan, {
    budgets: given.budgets ? draft.budgets : [],
    rateLimits: given.rateLimits ? draft.rateLimits : {},
  });
  return { ...draft, ...makeCappedLimits(plan, draft) };
}

/**
 * The same for a change of a key.
 *
 * @param owner of the key as it is.
 */
export function makePlannedChange(
  ctx: AdminContext,
  owner: User | null,
  before: ApiKey,
  change: ApiKeyChange,
): ApiKeyChange {
  const after: ApiKey = { ...before, ...change };
  requireOwnKey(ctx, before, after);
  const plan = after.ownerId === owner?.id ? findUserPlan(ctx, owner) : null;
  if (plan === null) return change;
  if (change.rotatedAt !== undefined && !plan.mayRotate) {
    throw new AppError(
      "permission_denied",
      `The plan ${plan.name} has no rotation; make a new key and revoke this one.`,
    );
  }
  if (change.permissions !== undefined) requireMemberPermissions(change.permissions);
  if (change.budgets === undefined && change.rateLimits === undefined) return change;
  requirePlan(plan, { budgets: change.budgets ?? [], rateLimits: change.rateLimits ?? {} });
  const planned = makePlannedLimits(plan, after);
  return {
    ...change,
    ...(change.budgets === undefined ? {} : { budgets: planned.budgets }),
    ...(change.rateLimits === undefined ? {} : { rateLimits: planned.rateLimits }),
  };
}

/**
 * Refuses one key too many, after the write and in its transaction. The owner's row is held until that ends, so that of any
 * number of creates at once exactly as many come through as there is room for.
 *
 * @param before the key before the change; `null` where it was made.
 * @throws AppError `plan_limit_keys`
 */
export async function requirePlanRoom(
  ctx: AdminContext,
  transaction: postgres.TransactionSql,
  before: ApiKey | null,
  key: ApiKey,
): Promise<void> {
  const isNew = before === null || before.ownerId !== key.ownerId || !isHeld(before);
  const isEnabled = key.state === "active" && before?.state !== "active";
  if (key.ownerId === null || !isHeld(key) || (!isNew && !isEnabled)) return;
  const plan = findUserPlan(ctx, await findLockedUser(transaction, key.ownerId));
  if (plan === null) return;
  const { held, active } = await findOwnedKeys(transaction, key.ownerId);
  if ((isNew ? held : active) <= plan.keysMax) return;
  throw new AppError(
    "plan_limit_keys",
    `The plan ${plan.name} allows ${plan.keysMax} ${plan.keysMax === 1 ? "key" : "keys"}; ` +
      (isNew ? "revoke an unused key to make room, or change the plan." : "disable another one first."),
  );
}

function isHeld(key: ApiKey): boolean {
  return key.state === "active" || key.state === "disabled";
}

function requirePlan(plan: Plan, limits: Pick<ApiKey, "budgets" | "rateLimits">): void {
  const problems = findPlanProblems(plan, limits);
  if (problems.length > 0) throw makeValidationError(problems);
}

function requireMemberPermissions(permissions: readonly string[]): void {
  const excess = permissions.filter(isForbiddenToMembers);
  if (excess.length === 0) return;
  throw new AppError("permission_denied", `A member's key cannot hold ${excess.join(", ")}.`, { param: "permissions" });
}

/**
 * What a member may not do to his own keys: hand them to others, pin stored credentials, and loosen what somebody else set
 * on a key that was made for him.
 */
function requireOwnKey(ctx: AdminContext, before: OwnableKey, after: OwnableKey): void {
  const { caller } = ctx;
  if (caller.kind !== "user" || caller.user.role === "admin") return;
  const excess: string[] = [];
  if (after.createdBy !== `user:${caller.user.id}`) {
    excess.push(...findExcess(before, after));
    if (JSON.stringify(before.tags) !== JSON.stringify(after.tags)) excess.push("tags");
  }
  if (after.ownerId !== caller.user.id) excess.push("owner_id");
  for (const [provider, pin] of Object.entries(after.providerCredentials)) {
    if (before.providerCredentials[provider] !== pin) excess.push(`provider_credentials.${provider}`);
  }
  const [first] = excess;
  if (first === undefined) return;
  throw new AppError("permission_denied", `You cannot set ${[...new Set(excess)].join(", ")} like this.`, {
    param: first,
    issues: excess.map((path) => ({ path, message: "is beyond what you may set" })),
  });
}

type OwnableKey = KeyDraft | ApiKey;
