import type { ApiKeyView } from "../../server/core/api-key-view.ts";

/** One key as lines for a terminal. */
export function listKeyProperties(key: ApiKeyView): [string, string][] {
  const record = (value: Readonly<Record<string, string | number>>): string =>
    Object.entries(value)
      .map(([name, entry]) => `${name}=${entry}`)
      .join(", ");
  const budgets = key.budgets.map(
    ({ limit_usd, period, timezone }) => `${limit_usd} USD/${period}${timezone === undefined ? "" : `@${timezone}`}`,
  );
  return [
    ["public id", key.public_id],
    ["alias", key.alias],
    ["name", key.name ?? ""],
    ["description", key.description ?? ""],
    ["type", key.type],
    ["state", key.state],
    ["permissions", key.permissions.join(", ")],
    ["models", key.models.join(", ")],
    ["tags", record(key.tags)],
    ["budgets", budgets.join(", ")],
    ["rate limits", record(key.rate_limits)],
    ["max output tokens", key.max_output_tokens === null ? "" : String(key.max_output_tokens)],
    ["expires", key.expires_at ?? "never"],
    ["allowed networks", key.allowed_ips.join(", ")],
    ["allowed origins", key.allowed_origins.join(", ")],
    ["owner", key.owner_id ?? ""],
    ["credentials", record(key.provider_credentials)],
    ["on disconnect", key.on_disconnect],
    ["created", `${key.created_at} by ${key.created_by}`],
    ["last used", key.last_used_at === null ? "" : `${key.last_used_at} from ${key.last_used_ip ?? "-"}`],
    ["rotated", key.rotated_at ?? ""],
    ...listRotation(key),
    ["imported from", key.imported_from ?? ""],
    ["operator's hold", key.operator_hold ? "yes" : ""],
    ["advice", key.advice.join(", ")],
    ["version", String(key.version)],
  ];
}

function listRotation({ rotation }: ApiKeyView): [string, string][] {
  if (rotation === null) return [];
  return [
    ["old secret ends", rotation.old_secret_ends_at],
    ["old secret used", rotation.old_secret_last_used_at ?? "never"],
  ];
}
