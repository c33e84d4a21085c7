import { AppError } from "../../core/error.ts";
import type { AdminContext } from "../context.ts";

/**
 * Budgets stand above owners, and processes above both. So of keys only one that belongs to nobody may look; and one that
 * has a budget itself adds to none, because it could add to its own.
 *
 * @throws AppError `permission_denied`
 */
export function requireLimitsAccess({ caller }: AdminContext, changes: boolean): void {
  if (caller.kind !== "key") return;
  if (caller.key.ownerId !== null) {
    throw new AppError(
      "permission_denied",
      "Windows and processes are for admins, and for keys that belong to nobody.",
    );
  }
  if (changes && caller.key.budgets.length > 0) {
    throw new AppError("permission_denied", "A key that has a budget itself changes nobody's.");
  }
}
