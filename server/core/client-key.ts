import type { ApiKey } from "./api-key.ts";
import { isPermissionGranted, permissionCatalogue } from "./permission.ts";

/** What a key that lives in browsers can never hold, whatever pattern would grant it. */
const forbidden = permissionCatalogue.filter(
  (name) => name.startsWith("admin:") || name.startsWith("keys:") || name.endsWith(":delete") || name === "data:admin",
);

/** A browser-safe key starts with these where its maker says nothing else. */
export const clientKeyDefaults = { rateLimits: { requests_per_minute: 100 }, maxOutputTokens: 1_024 } as const;

/** What keeps a key from being a `client` key; empty for the other types. Paths are names on the wire. */
export function findClientKeyProblems(
  key: Pick<ApiKey, "type" | "permissions" | "allowedOrigins">,
): { path: string; message: string }[] {
  if (key.type !== "client") return [];
  const problems = key.permissions.flatMap((grant, index) => {
    const held = forbidden.filter((name) => isPermissionGranted([grant], name));
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
