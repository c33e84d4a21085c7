/** What the product itself knows; a deployment may add more in its config. */
export const permissionCatalogue = [
  "vec:read",
  "vec:write",
  "vec:delete",
  "kev:read",
  "kev:write",
  "kev:delete",
  "data:read",
  "data:write",
  "data:admin",
  "ai:inference",
  "ai:agents",
  "ai:workflows",
  "files:read",
  "files:write",
  "files:delete",
  "admin:keys",
  "admin:usage",
  "keys:verify",
] as const;

/** True where a grant covers a permission: itself, its whole service (`vec:*`), everything (`*`), or an implied one. */
function covers(grant: string, needed: string): boolean {
  if (grant === "*" || grant === needed) return true;
  if (grant.endsWith(":*")) return needed.startsWith(grant.slice(0, -1));
  return grant === "admin:keys" && needed === "keys:verify";
}

/** Tells whether any of the grants covers the permission that a call needs (`service:action`). */
export function isPermissionGranted(grants: readonly string[], needed: string): boolean {
  for (const grant of grants) if (covers(grant, needed)) return true;
  return false;
}
