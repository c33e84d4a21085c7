import type {
  ApiKey,
  Budget,
  DisconnectMode,
  ImportFormat,
  KeyState,
  KeyType,
  PublicId,
} from "../../server/core/api-key.ts";
import type { StoredBudget } from "../stored-budget.ts";

/** A row of `api_key` as `select *` over {@link Database.sql} gives it: instants are text there. */
export interface ApiKeyRow {
  public_id: string;
  alias: string;
  name: string | null;
  description: string | null;
  type: KeyType;
  state: KeyState;
  permissions: string[];
  models: string[];
  tags: Record<string, string>;
  budgets: StoredBudget[];
  rate_limits: Record<string, number>;
  max_output_tokens: number | null;
  expires_at: string | null;
  allowed_ips: string[];
  allowed_origins: string[];
  owner_id: string | null;
  provider_credentials: Record<string, string>;
  on_disconnect: DisconnectMode;
  created_at: string;
  created_by: string;
  last_used_at: string | null;
  last_used_ip: string | null;
  rotated_at: string | null;
  origins_changed_at: string | null;
  imported_from: ImportFormat | null;
  operator_hold: boolean;
  version: number;
}

/** Turns a stored row into the key that every room works with. */
export function parseApiKeyRow(row: ApiKeyRow): ApiKey {
  return {
    publicId: row.public_id as PublicId,
    alias: row.alias,
    name: row.name,
    description: row.description,
    type: row.type,
    state: row.state,
    permissions: row.permissions,
    models: row.models,
    tags: row.tags,
    budgets: row.budgets.map(parseStoredBudget),
    rateLimits: row.rate_limits,
    maxOutputTokens: row.max_output_tokens,
    expiresAt: parseInstant(row.expires_at),
    allowedIps: row.allowed_ips,
    allowedOrigins: row.allowed_origins,
    ownerId: row.owner_id,
    providerCredentials: row.provider_credentials,
    onDisconnect: row.on_disconnect,
    createdAt: new Date(row.created_at),
    createdBy: row.created_by,
    lastUsedAt: parseInstant(row.last_used_at),
    lastUsedIp: row.last_used_ip,
    rotatedAt: parseInstant(row.rotated_at),
    originsChangedAt: parseInstant(row.origins_changed_at),
    importedFrom: row.imported_from,
    operatorHold: row.operator_hold,
    version: row.version,
  };
}

function parseStoredBudget(stored: StoredBudget): Budget {
  const budget: Budget = { limitNanoUsd: BigInt(stored.limit_nano_usd), period: stored.period };
  return stored.timezone === undefined ? budget : { ...budget, timezone: stored.timezone };
}

function parseInstant(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
