import { randomBytes } from "node:crypto";
import { openDatabase } from "../../../db/client.ts";
import { insertApiKey, type NewApiKey } from "../../../db/queries/insert-api-key.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import { defaultKeyPrefixes, makeKeyText } from "../../../server/core/key-format.ts";
import { makeKeyDigest } from "../../../server/keys/key-digest.ts";
import type { Pepper } from "../../../server/platform/config.ts";

const keysPerTransaction = 2_000;
const dayMs = 86_400_000;

/**
 * Stores `count` production keys, each with a model allowlist, a tag and a budget that no run exhausts, so that every
 * step of the hot path has something to check. One transaction per 2,000, so that 100,000 take seconds.
 *
 * @returns their plaintexts.
 */
export async function insertBenchKeys(
  databaseUrl: string,
  pepper: Pepper,
  count: number,
  rateLimits: NewApiKey["rateLimits"] = {},
): Promise<string[]> {
  // A pool of one: begin, the inserts and commit are then in order on the same connection.
  const database = openDatabase({ url: databaseUrl, applicationName: "bench", poolMax: 1 });
  const { sql } = database;
  const texts: string[] = [];
  try {
    while (texts.length < count) {
      await sql`begin`;
      const batch = Array.from({ length: Math.min(keysPerTransaction, count - texts.length) }, () =>
        makeKeyText("production", defaultKeyPrefixes, randomBytes),
      );
      const stored = await Promise.all(
        batch.map(({ text, publicId }) =>
          insertApiKey(sql, newKey(publicId, rateLimits), {
            digest: makeKeyDigest(text, pepper),
            pepperVersion: pepper.version,
          }),
        ),
      );
      if (stored.includes(null)) throw new Error("a key of the bench collides with one that is there");
      await sql`commit`;
      texts.push(...batch.map(({ text }) => text));
    }
    return texts;
  } finally {
    await database.close();
  }
}

function newKey(publicId: PublicId, rateLimits: NewApiKey["rateLimits"]): NewApiKey {
  return {
    publicId,
    alias: `bench-${publicId}`,
    name: null,
    description: null,
    type: "production",
    state: "active",
    permissions: ["ai:inference"],
    models: ["bench", "bench-*"],
    tags: { customer_id: "c-1042" },
    budgets: [{ limitNanoUsd: 1_000_000_000_000_000n, period: "month", timezone: "UTC" }],
    rateLimits,
    maxOutputTokens: null,
    expiresAt: new Date(Date.now() + dayMs),
    allowedIps: [],
    allowedOrigins: [],
    ownerId: null,
    providerCredentials: {},
    onDisconnect: "drain",
    createdBy: "bench",
  };
}
