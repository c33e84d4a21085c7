import { z } from "zod";
import {
  type ApiKey,
  disconnectModes,
  importFormats,
  type KeyRotation,
  type KeyState,
  keyStates,
  keyTypes,
} from "./api-key.ts";
import { budgetView } from "./budget-view.ts";
import { isExpired } from "./expiry.ts";
import { findKeyAdvice, keyAdvices } from "./key-advice.ts";
import { formatUsd } from "./money.ts";
import { wireInstantOut } from "./wire-types.ts";

/** A key on the wire: every property, no secret. A closed list, so that nothing new leaves by accident. */
export const apiKeyView = z.object({
  public_id: z.string(),
  alias: z.string(),
  name: z.string().nullable(),
  description: z.string().nullable(),
  type: z.enum(keyTypes),
  state: z.enum(keyStates),
  permissions: z.array(z.string()),
  models: z.array(z.string()),
  tags: z.record(z.string(), z.string()),
  budgets: z.array(z.object({ limit_usd: z.string(), period: z.string(), timezone: z.string().optional() })),
  rate_limits: z.record(z.string(), z.number()),
  max_output_tokens: z.number().nullable(),
  expires_at: wireInstantOut.nullable(),
  expiration: wireInstantOut.nullable().describe("The same as expires_at."),
  allowed_ips: z.array(z.string()),
  allowed_origins: z.array(z.string()),
  owner_id: z.string().nullable(),
  provider_credentials: z.record(z.string(), z.string()),
  on_disconnect: z.enum(disconnectModes),
  created_at: wireInstantOut,
  created_by: z.string(),
  last_used_at: wireInstantOut.nullable(),
  last_used_ip: z.string().nullable(),
  rotated_at: wireInstantOut.nullable(),
  rotation: z
    .object({ old_secret_last_used_at: wireInstantOut.nullable(), old_secret_ends_at: wireInstantOut })
    .nullable()
    .describe("While two secrets work: who still uses the old one, and until when it works."),
  imported_from: z.enum(importFormats).nullable(),
  operator_hold: z.boolean().describe("An operator disabled it; its owner cannot enable it."),
  advice: z
    .array(z.enum(keyAdvices))
    .describe(
      "rotate: its secret is older than 90 days (365 of a development key). unused: for 90 days. origins_changed: a client key's origins changed after its secret was made.",
    ),
  version: z.number(),
});
export type ApiKeyView = z.infer<typeof apiKeyView>;

export const createdKeyView = z.object({
  api_key: z
    .string()
    .nullable()
    .describe(
      "The plaintext, given this once. null where a create was repeated with its Idempotency-Key: it is not stored.",
    ),
  ...apiKeyView.shape,
});

const spend = z.object({ since: wireInstantOut, requests: z.number(), errors: z.number(), cost_usd: z.string() });

export const apiKeyDetail = z.object({
  ...apiKeyView.shape,
  budgets: z.array(budgetView).describe("As they stand in their current periods."),
  usage: z.object({ day: spend, month: spend }).describe("Of the current day and calendar month in UTC."),
});

export const apiKeyList = z.object({ api_keys: z.array(apiKeyView), next_cursor: z.string().nullable() });

/** What the key is now: the clock alone ends a key, whether or not a sweep has marked its row. */
export function findEffectiveState(key: ApiKey, nowMs: number): KeyState {
  return key.state === "active" && isExpired(key.expiresAt, nowMs) ? "expired" : key.state;
}

/** Renders a key for the wire at `nowMs` (database time). */
export function makeApiKeyView(key: ApiKey, nowMs: number, rotation: KeyRotation | null = null): ApiKeyView {
  const expiresAt = key.expiresAt?.toISOString() ?? null;
  return {
    public_id: key.publicId,
    alias: key.alias,
    name: key.name,
    description: key.description,
    type: key.type,
    state: findEffectiveState(key, nowMs),
    permissions: [...key.permissions],
    models: [...key.models],
    tags: { ...key.tags },
    budgets: key.budgets.map((budget) => ({
      limit_usd: formatUsd(budget.limitNanoUsd),
      period: budget.period,
      ...(budget.timezone === undefined ? {} : { timezone: budget.timezone }),
    })),
    rate_limits: { ...key.rateLimits },
    max_output_tokens: key.maxOutputTokens,
    expires_at: expiresAt,
    expiration: expiresAt,
    allowed_ips: [...key.allowedIps],
    allowed_origins: [...key.allowedOrigins],
    owner_id: key.ownerId,
    provider_credentials: { ...key.providerCredentials },
    on_disconnect: key.onDisconnect,
    created_at: key.createdAt.toISOString(),
    created_by: key.createdBy,
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
    last_used_ip: key.lastUsedIp,
    rotated_at: key.rotatedAt?.toISOString() ?? null,
    rotation:
      rotation === null
        ? null
        : {
            old_secret_last_used_at: rotation.oldSecretLastUsedAt?.toISOString() ?? null,
            old_secret_ends_at: rotation.oldSecretEndsAt.toISOString(),
          },
    imported_from: key.importedFrom,
    operator_hold: key.operatorHold,
    advice: findKeyAdvice(key, nowMs),
    version: key.version,
  };
}
