import type { Budget, PublicId } from "../../server/core/api-key.ts";
import { type KnownKey, makeKnownKey } from "../../server/keys/known-key.ts";

/** A key with budgets as one process knows it, without a row. */
export function makeBudgetedKey(publicId: string, budgets: readonly Budget[], createdAt: Date): KnownKey {
  return makeKnownKey(
    {
      publicId: publicId as PublicId,
      alias: publicId,
      name: null,
      description: null,
      type: "production",
      state: "active",
      permissions: ["ai:inference"],
      models: ["*"],
      tags: {},
      budgets,
      rateLimits: {},
      maxOutputTokens: null,
      expiresAt: null,
      allowedIps: [],
      allowedOrigins: [],
      ownerId: null,
      providerCredentials: {},
      onDisconnect: "drain",
      createdAt,
      createdBy: "system",
      lastUsedAt: null,
      lastUsedIp: null,
      rotatedAt: null,
      originsChangedAt: null,
      importedFrom: null,
      operatorHold: false,
      version: 1,
    },
    { digest: "", retiresAt: null, lastUsedAt: null },
    0,
  );
}
