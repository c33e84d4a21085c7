import { sql } from "drizzle-orm";
import { bigint, customType, integer, pgTable, primaryKey, real, smallint, text, timestamp } from "drizzle-orm/pg-core";

const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date", precision: 3 });

/**
 * Credentials of providers that are stored (`vault::NAME`), sealed with a key that is not in the database. What is sealed
 * opens only under the row's own name and version. Each change notifies `credential_changed`, in its transaction.
 */
export const providerCredential = pgTable("provider_credential", {
  name: text("name").primaryKey(),
  description: text("description"),
  sealed: bytea("sealed").notNull(),
  /** Which of the deployment's seal keys it was sealed with. */
  keyVersion: smallint("key_version").notNull(),
  /** Counts the secrets that the row has held, from 1. */
  version: bigint("version", { mode: "number" }).notNull().default(1),
  createdAt: instant("created_at").notNull().default(sql`now()`),
  createdBy: text("created_by").notNull(),
  updatedAt: instant("updated_at").notNull().default(sql`now()`),
  /** When it was last tried at a provider, and what came of it. */
  testedAt: instant("tested_at"),
  testOutcome: text("test_outcome", { enum: ["accepted", "rejected", "failed"] }),
});

/**
 * What each gateway process sees of each provider, written by it every few seconds. Nothing is decided by it: it is for
 * people to look at, and rows that nobody renews are deleted.
 */
export const providerHealth = pgTable(
  "provider_health",
  {
    process: text("process").notNull(),
    /** Empty for the shorthands of a type. */
    model: text("model").notNull(),
    provider: text("provider").notNull(),
    type: text("type").notNull(),
    state: text("state", { enum: ["closed", "open", "half_open"] }).notNull(),
    inFlight: integer("in_flight").notNull(),
    successes: bigint("successes", { mode: "number" }).notNull(),
    failures: bigint("failures", { mode: "number" }).notNull(),
    openings: bigint("openings", { mode: "number" }).notNull(),
    refused: bigint("refused", { mode: "number" }).notNull(),
    latencyMs: real("latency_ms"),
    lastFailureAt: instant("last_failure_at"),
    lastFailure: text("last_failure"),
    reportedAt: instant("reported_at").notNull().default(sql`now()`),
  },
  (table) => [primaryKey({ columns: [table.process, table.model, table.provider] })],
);
