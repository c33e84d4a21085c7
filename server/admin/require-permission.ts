import { AppError } from "../core/error.ts";
import { isPermissionGranted } from "../core/permission.ts";
import type { Caller } from "./context.ts";

export type AdminPermission = "admin:keys" | "admin:usage";

/**
 * Lets keys with the permission go on, and users who are admins.
 *
 * @param options `member`: members too. The call must then keep to the objects of `findCallerScope`.
 * @throws AppError `permission_denied`.
 */
export function requirePermission(
  caller: Caller,
  permission: AdminPermission,
  options: { member?: boolean } = {},
): void {
  if (caller.kind === "user" && caller.user.role !== "admin" && options.member !== true) {
    throw new AppError("permission_denied", "This call is for admins.");
  }
  if (caller.kind === "key" && !isPermissionGranted(caller.key.permissions, permission)) {
    throw new AppError("permission_denied", `This call needs a key with the permission ${permission}.`);
  }
}
