import { formatAllowedNames } from "./allowed-names.ts";

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

/**
 * True where a grant covers a permission: itself, its whole service (`vec:*`), everything (`*`), or an implied one. Who
 * covers a permission covers what that implies, so `admin:*` has no less than `admin:keys`.
 */
function covers(grant: string, needed: string): boolean {
  if (grant === "*" || grant === needed) return true;
  if (grant.endsWith(":*") && needed.startsWith(grant.slice(0, -1))) return true;
  return needed === "keys:verify" && (grant === "admin:keys" || grant === "admin:*");
}

/** Tells whether any of the grants covers the permission that a call needs (`service:action`). */
export function isPermissionGranted(grants: readonly string[], needed: string): boolean {
  for (const grant of grants) if (covers(grant, needed)) return true;
  return false;
}

const part = "[a-z][a-z0-9_-]{0,31}";
const permissionShape = new RegExp(`^${part}:${part}$`);
const grantShape = new RegExp(`^(\\*|${part}:(\\*|${part}))$`);

/** True for the spelling of one permission, `service:action`. */
export function isPermission(text: string): boolean {
  return permissionShape.test(text);
}

/** True for the spelling of what a key can be given: a permission, a whole service (`vec:*`), or everything (`*`). */
export function isGrant(text: string): boolean {
  return grantShape.test(text);
}

/**
 * Holds grants against the permissions that there are.
 *
 * @param catalogue the deployment's permissions: the built-in ones and those of its config.
 * @param path the field that the grants stand in, by its name on the wire.
 * @returns what is wrong, with the nearest permission and all that are allowed; empty where nothing is.
 */
export function findGrantProblems(
  grants: readonly string[],
  catalogue: readonly string[],
  path = "permissions",
): { path: string; message: string }[] {
  const services = new Set(catalogue.map((name) => `${name.slice(0, name.indexOf(":"))}:*`));
  const allowed = [...catalogue, ...services, "*"];
  return grants.flatMap((grant, index) =>
    allowed.includes(grant)
      ? []
      : [
          {
            path: `${path}[${index}]`,
            message: `there is no ${grant.slice(0, 80)}; ${formatAllowedNames(grant, allowed)}`,
          },
        ],
  );
}
