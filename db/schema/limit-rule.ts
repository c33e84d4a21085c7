import { sql } from "drizzle-orm";
import { bigint, boolean, check, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/**
 * Rate rules and budgets that admins added at run time, beside those of the config file. Each change, a hand-typed one too,
 * counts `limit_rule_version` up and notifies `limit_rule_changed`, in its transaction.
 */
export const limitRule = pgTable(
  "limit_rule",
  {
    id: text("id").primaryKey(),
    kind: text("kind", { enum: ["rate", "budget"] }).notNull(),
    /** As the admin API takes it. */
    body: jsonb("body").notNull(),
    createdAt: timestamp("created_at", { withTimezone: true, mode: "date", precision: 3 })
      .notNull()
      .default(sql`now()`),
    createdBy: text("created_by").notNull(),
    /** That of `limit_rule_version` at the last change; set by a trigger. */
    version: bigint("version", { mode: "number" }).notNull().default(0),
  },
  (table) => [check("limit_rule_kind", sql`${table.kind} in ('rate', 'budget')`)],
);

/** One row: how often the rules have changed, and which budgets the config file of the newest process has. */
export const limitRuleVersion = pgTable(
  "limit_rule_version",
  {
    single: boolean("single").primaryKey().default(true),
    version: bigint("version", { mode: "number" }).notNull().default(1),
    configHash: text("config_hash").notNull().default(""),
  },
  (table) => [check("limit_rule_version_single", sql`${table.single}`)],
);
