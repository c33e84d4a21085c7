import type { NanoUsd } from "./money.ts";

declare const publicIdBrand: unique symbol;
/** 12 characters; not secret; stands in logs, limits and analytics. */
export type PublicId = string & { readonly [publicIdBrand]: true };

export const keyTypes = ["development", "production", "client"] as const;
export type KeyType = (typeof keyTypes)[number];

export const keyStates = ["active", "disabled", "revoked", "expired"] as const;
export type KeyState = (typeof keyStates)[number];

export const disconnectModes = ["drain", "abort"] as const;
export type DisconnectMode = (typeof disconnectModes)[number];

/** Systems whose keys can be imported by hash. */
export const importFormats = ["tensorzero", "opaque"] as const;
export type ImportFormat = (typeof importFormats)[number];

export interface Budget {
  limitNanoUsd: NanoUsd;
  /** `Nd` from creation, `day`, `week`, `month` or `total`. */
  period: string;
  /** IANA name; for calendar periods. */
  timezone?: string;
}

/** A key as every room sees it: all properties, no secret. */
export interface ApiKey {
  publicId: PublicId;
  alias: string;
  name: string | null;
  description: string | null;
  type: KeyType;
  state: KeyState;
  permissions: readonly string[];
  models: readonly string[];
  tags: Readonly<Record<string, string>>;
  budgets: readonly Budget[];
  rateLimits: Readonly<Record<string, number>>;
  maxOutputTokens: number | null;
  expiresAt: Date | null;
  allowedIps: readonly string[];
  allowedOrigins: readonly string[];
  ownerId: string | null;
  providerCredentials: Readonly<Record<string, string>>;
  onDisconnect: DisconnectMode;
  createdAt: Date;
  createdBy: string;
  lastUsedAt: Date | null;
  lastUsedIp: string | null;
  rotatedAt: Date | null;
  /** When the allowed origins last changed; `null`: never since it was made. */
  originsChangedAt: Date | null;
  /** Where a key that was imported by hash comes from; `null` for our own. */
  importedFrom: ImportFormat | null;
  /** An operator disabled it; only an operator enables it again. */
  operatorHold: boolean;
  version: number;
}

/** The secret that a rotation replaced, while both work. */
export interface KeyRotation {
  oldSecretLastUsedAt: Date | null;
  oldSecretEndsAt: Date;
}
