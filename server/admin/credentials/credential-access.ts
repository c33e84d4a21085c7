import { AppError } from "../../core/error.ts";
import type { AdminContext } from "../context.ts";

/** Each is opened and kept in memory by every gateway. */
export const credentialsMax = 1_000;

/**
 * Stored credentials are the deployment's: who can put one in can send calls through an account of its own, and who can
 * take one out stops everybody's. So of keys only one that belongs to nobody may look, and only one that may do everything
 * may change.
 *
 * @throws AppError `permission_denied`
 */
export function requireCredentialAccess({ caller }: AdminContext, changes: boolean): void {
  if (caller.kind !== "key") return;
  if (caller.key.ownerId === null && (!changes || caller.key.permissions.includes("*"))) return;
  throw new AppError(
    "permission_denied",
    changes
      ? "Credentials are changed by admins, and by keys that belong to nobody and hold the permission *."
      : "Credentials are seen by admins, and by keys that belong to nobody.",
  );
}
