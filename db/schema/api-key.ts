import { sql } from "drizzle-orm";
import {
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import type { StoredBudget } from "../stored-budget.ts";

const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date", precision: 3 });

/** One row per key: every property, no secret. A change bumps `version` and notifies `key_changed` in its transaction. */
export const apiKey = pgTable(
  "api_key",
  {
    publicId: text("public_id").primaryKey(),
    alias: text("alias").notNull(),
    name: text("name"),
    description: text("description"),
    type: text("type", { enum: ["development", "production", "client"] }).notNull(),
    state: text("state", { enum: ["active", "disabled", "revoked", "expired"] })
      .notNull()
      .default("active"),
    permissions: text("permissions").array().notNull(),
    models: text("models").array().notNull(),
    tags: jsonb("tags").$type<Record<string, string>>().notNull().default({}),
    budgets: jsonb("budgets").$type<StoredBudget[]>().notNull().default([]),
    rateLimits: jsonb("rate_limits").$type<Record<string, number>>().notNull().default({}),
    maxOutputTokens: integer("max_output_tokens"),
    expiresAt: instant("expires_at"),
    allowedIps: text("allowed_ips").array().notNull().default([]),
    allowedOrigins: text("allowed_origins").array().notNull().default([]),
    ownerId: text("owner_id"),
    providerCredentials: jsonb("provider_credentials").$type<Record<string, string>>().notNull().default({}),
    onDisconnect: text("on_disconnect", { enum: ["drain", "abort"] })
      .notNull()
      .default("drain"),
    createdAt: instant("created_at").notNull().default(sql`now()`),
    createdBy: text("created_by").notNull(),
    lastUsedAt: instant("last_used_at"),
    lastUsedIp: text("last_used_ip"),
    rotatedAt: instant("rotated_at"),
    /** When the allowed origins were last changed; a client key is to be rotated after that. */
    originsChangedAt: instant("origins_changed_at"),
    /** Where a key that was imported by hash comes from; null for our own. */
    importedFrom: text("imported_from", { enum: ["tensorzero", "opaque"] }),
    /** True where an operator disabled it: its owner may not enable it then. */
    operatorHold: boolean("operator_hold").notNull().default(false),
    /** True where it was revoked together with its running calls, for gateways that could not hear of it then. */
    callsCut: boolean("calls_cut").notNull().default(false),
    version: integer("version").notNull().default(1),
    /** Set by a create that carried an `Idempotency-Key`, scoped to its creator. */
    idempotencyKey: text("idempotency_key"),
    /** True for the keys of the first start, so that a second start prints none. */
    bootstrap: boolean("bootstrap").notNull().default(false),
  },
  (table) => [
    uniqueIndex("api_key_live_alias")
      .on(sql`coalesce(${table.ownerId}, '')`, table.alias)
      .where(sql`${table.state} in ('active', 'disabled')`),
    uniqueIndex("api_key_idempotency")
      .on(table.createdBy, table.idempotencyKey)
      .where(sql`${table.idempotencyKey} is not null`),
    index("api_key_newest").on(table.createdAt.desc(), table.publicId.desc()),
    index("api_key_owner").on(table.ownerId, table.createdAt.desc()),
    index("api_key_expiry")
      .on(table.expiresAt)
      .where(sql`${table.state} in ('active', 'disabled') and ${table.expiresAt} is not null`),
    index("api_key_tags").using("gin", table.tags),
  ],
);

/**
 * The secrets of a key: one, or two while a rotation overlaps. Only digests: HMAC-SHA-256 under a pepper
 * (`pepper_version` > 0) for our own keys, SHA-256 (`pepper_version` 0) for keys imported by hash.
 */
export const apiKeySecret = pgTable(
  "api_key_secret",
  {
    digest: bytea("digest").notNull(),
    publicId: text("public_id")
      .notNull()
      .references(() => apiKey.publicId, { onDelete: "cascade" }),
    pepperVersion: smallint("pepper_version").notNull(),
    createdAt: instant("created_at").notNull().default(sql`now()`),
    /** End of the overlap for a secret that was rotated out; null for the current one. */
    retiresAt: instant("retires_at"),
    lastUsedAt: instant("last_used_at"),
  },
  (table) => [primaryKey({ columns: [table.digest] }), index("api_key_secret_key").on(table.publicId)],
);
