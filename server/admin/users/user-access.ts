import { AppError } from "../../core/error.ts";
import type { AdminContext } from "../context.ts";
import { makeValidationError } from "../refusal.ts";

/**
 * Users stand above keys: who makes one can make an admin. So of keys only one that belongs to nobody may look, and only
 * one that may do everything may change.
 *
 * @throws AppError `permission_denied`
 */
export function requireUserAccess({ caller }: AdminContext, changes: boolean): void {
  if (caller.kind !== "key") return;
  if (caller.key.ownerId === null && (!changes || caller.key.permissions.includes("*"))) return;
  throw new AppError(
    "permission_denied",
    changes
      ? "Users are changed by admins, and by keys that belong to nobody and hold the permission *."
      : "Users are seen by admins, and by keys that belong to nobody.",
  );
}

/** Nobody shuts himself out; another admin, or the command line, can. @throws AppError `conflict` */
export function requireOtherUser({ caller }: AdminContext, userId: string): void {
  if (caller.kind !== "user" || caller.user.id !== userId) return;
  throw new AppError("conflict", "You cannot do this to yourself; ask another admin, or use the command line.");
}

/** @throws AppError `validation_failed` with the plans that there are. */
export function requirePlanName({ config }: AdminContext, name: string): void {
  if (config.plans.has(name)) return;
  throw makeValidationError([{ path: "plan", message: `must be one of ${[...config.plans.keys()].join(", ")}` }]);
}

/** The plan of users for whom nobody says another. */
export function getFirstPlan({ config }: AdminContext): string {
  return config.plans.keys().next().value ?? "";
}
