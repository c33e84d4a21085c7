import { randomBytes } from "node:crypto";
import type { Database } from "../../db/client.ts";
import { findAnyApiKey } from "../../db/queries/find-any-api-key.ts";
import { insertApiKey, type NewApiKey } from "../../db/queries/insert-api-key.ts";
import { insertAuditEntry } from "../../db/queries/insert-audit-entry.ts";
import { makeApiKeyView } from "../core/api-key-view.ts";
import { makeKeyText } from "../core/key-format.ts";
import type { Clock } from "../platform/clock.ts";
import type { Config } from "../platform/config.ts";
import { makeKeyDigest } from "./key-digest.ts";

/** The plaintext of the first keys; this is the one moment at which anybody can see it. */
export interface FirstKeys {
  admin: string;
  demo: string;
}

type FirstKey = Pick<NewApiKey, "alias" | "name" | "description" | "type" | "permissions" | "models">;

const firstKeys: Record<keyof FirstKeys, FirstKey> = {
  admin: {
    alias: "bootstrap-admin",
    name: "Bootstrap admin key",
    description: "Made at the first start. Holds every permission.",
    type: "production",
    permissions: ["*"],
    models: ["*"],
  },
  demo: {
    alias: "demo",
    name: "Demo key",
    description: "Made at the first start. May call the built-in echo models only.",
    type: "development",
    permissions: ["ai:inference"],
    models: ["echo::*"],
  },
};

/**
 * Makes the first admin key and the demo key of a deployment that has no keys. Safe when several processes start at once:
 * each key is made by one of them.
 *
 * @returns `null` on every later start.
 */
export async function makeFirstKeys(config: Config, database: Database, clock: Clock): Promise<FirstKeys | null> {
  if (await findAnyApiKey(database.sql)) return null;
  const made: Partial<FirstKeys> = {};
  for (const name of ["admin", "demo"] as const) {
    const text = await makeFirstKey(firstKeys[name], name, config, database, clock);
    if (text !== null) made[name] = text;
  }
  return made.admin !== undefined && made.demo !== undefined ? { admin: made.admin, demo: made.demo } : null;
}

async function makeFirstKey(
  key: FirstKey,
  name: string,
  config: Config,
  database: Database,
  clock: Clock,
): Promise<string | null> {
  const { text, publicId } = makeKeyText(key.type, config.keys.prefixes, randomBytes);
  const [pepper] = config.peppers;
  if (pepper === undefined) throw new Error("no pepper is configured");
  const stored = await insertApiKey(
    database.sql,
    {
      ...key,
      publicId,
      state: "active",
      tags: {},
      budgets: [],
      rateLimits: {},
      maxOutputTokens: null,
      expiresAt: new Date(clock.nowMs() + config.keys.expiryDaysDefault * 86_400_000),
      allowedIps: [],
      allowedOrigins: [],
      ownerId: null,
      providerCredentials: {},
      onDisconnect: "drain",
      createdBy: "system",
    },
    { digest: makeKeyDigest(text, pepper), pepperVersion: pepper.version },
    {
      idempotencyKey: `first-start-${name}`,
      bootstrap: true,
      complete: (transaction, made) =>
        insertAuditEntry(transaction, {
          actor: "system",
          action: "keys.create",
          objectType: "api_key",
          objectId: made.publicId,
          ownerId: null,
          before: null,
          after: makeApiKeyView(made, clock.nowMs()),
          ip: "",
          requestId: "",
        }),
    },
  );
  return stored === null ? null : text;
}
