import { randomBytes } from "node:crypto";
import type postgres from "postgres";
import { type InsertApiKeyOptions, insertApiKey, type NewApiKey } from "../../db/queries/insert-api-key.ts";
import { makeKeyText } from "../../server/core/key-format.ts";
import { makeKeyDigest } from "../../server/keys/key-digest.ts";
import type { Config } from "../../server/platform/config.ts";

/** A key that a test made, with its plaintext. */
export interface TestKey {
  text: string;
  publicId: string;
}

/** Stores a key without any gateway: one that may call everything and is limited by nothing, unless `properties` say so. */
export async function insertTestKey(
  sql: postgres.Sql,
  config: Pick<Config, "keys" | "peppers">,
  properties: Partial<NewApiKey> = {},
  options: InsertApiKeyOptions = {},
): Promise<TestKey> {
  const type = properties.type ?? "production";
  const { text, publicId } = makeKeyText(type, config.keys.prefixes, randomBytes);
  const [pepper] = config.peppers;
  if (pepper === undefined) throw new Error("no pepper");
  const stored = await insertApiKey(
    sql,
    {
      publicId,
      alias: `key-${publicId}`,
      name: null,
      description: null,
      type,
      state: "active",
      permissions: ["ai:inference"],
      models: ["*"],
      tags: {},
      budgets: [],
      rateLimits: {},
      maxOutputTokens: null,
      expiresAt: null,
      allowedIps: [],
      allowedOrigins: [],
      ownerId: null,
      providerCredentials: {},
      onDisconnect: "drain",
      createdBy: "system",
      ...properties,
    },
    { digest: makeKeyDigest(text, pepper), pepperVersion: pepper.version },
    options,
  );
  if (stored === null) throw new Error("the test key collided");
  return { text, publicId };
}
