import type { ApiKey } from "./api-key.ts";
import { isPermissionGranted, permissionCatalogue } from "./permission.ts";

/** What a key that lives in browsers can never do, whatever it was given. */
export function isForbiddenToClients(permission: string): boolean {
  return (
    permission.startsWith("admin:") ||
    permission.startsWith("keys:") ||
    permission.endsWith(":delete") ||
    permission === "data:admin"
  );
}

/** A browser-safe key starts with these where its maker says nothing else. */
export const clientKeyDefaults = { rateLimits: { requests_per_minute: 100 }, maxOutputTokens: 1_024 } as const;

/**
 * What keeps a key from being a `client` key; empty for the other types. Paths are names on the wire.
 *
 * @param catalogue the deployment's permissions.
 */
export function findClientKeyProblems(
  key: Pick<ApiKey, "type" | "permissions" | "allowedOrigins">,
  catalogue: readonly string[] = permissionCatalogue,
): { path: string; message: string }[] {
  if (key.type !== "client") return [];
  const problems = key.permissions.flatMap((grant, index) => {
    const held = catalogue.filter((name) => isForbiddenToClients(name) && isPermissionGranted([grant], name));
    if (held.length === 0) return [];
    return [
      { path: `permissions[${index}]`, message: `a client key cannot hold ${grant}: it grants ${held.join(", ")}` },
    ];
  });
  if (key.allowedOrigins.length === 0) {
    problems.push({ path: "allowed_origins", message: "a client key needs at least one origin" });
  }
  return problems;
}
