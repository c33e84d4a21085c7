import { sql } from "drizzle-orm";
import { boolean, index, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date", precision: 3 });

/**
 * People who sign in to the dashboard. The four tables have the columns that better-auth wants, and of ours role, plan and
 * `disabled_at`. A change of these three notifies `key_changed` for each key of the user, in its transaction.
 */
export const user = pgTable(
  "app_user",
  {
    id: text("id").primaryKey(),
    name: text("name").notNull(),
    /** Lower case. */
    email: text("email").notNull(),
    emailVerified: boolean("email_verified").notNull().default(false),
    image: text("image"),
    role: text("role", { enum: ["member", "admin"] })
      .notNull()
      .default("member"),
    /** Name of a plan of the config; one that the config no longer has counts as the first. */
    plan: text("plan").notNull().default("free"),
    /** Set: nothing of this user is let in, neither session nor key. */
    disabledAt: instant("disabled_at"),
    createdAt: instant("created_at").notNull().default(sql`now()`),
    updatedAt: instant("updated_at").notNull().default(sql`now()`),
  },
  (table) => [
    uniqueIndex("app_user_email").on(table.email),
    index("app_user_newest").on(table.createdAt.desc(), table.id.desc()),
  ],
);

/** Sessions of the dashboard; `token` is what the signed cookie holds. */
export const session = pgTable(
  "app_session",
  {
    id: text("id").primaryKey(),
    userId: text("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    token: text("token").notNull(),
    expiresAt: instant("expires_at").notNull(),
    ipAddress: text("ip_address"),
    userAgent: text("user_agent"),
    createdAt: instant("created_at").notNull().default(sql`now()`),
    updatedAt: instant("updated_at").notNull().default(sql`now()`),
  },
  (table) => [
    uniqueIndex("app_session_token").on(table.token),
    index("app_session_user").on(table.userId),
    index("app_session_expiry").on(table.expiresAt),
  ],
);

/** How a user may sign in: a password (a slow hash of it), or an account at another provider. */
export const account = pgTable(
  "app_account",
  {
    id: text("id").primaryKey(),
    issuer: text("issuer").notNull(),
    accountId: text("account_id").notNull(),
    providerId: text("provider_id").notNull(),
    userId: text("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    accessToken: text("access_token"),
    refreshToken: text("refresh_token"),
    idToken: text("id_token"),
    accessTokenExpiresAt: instant("access_token_expires_at"),
    refreshTokenExpiresAt: instant("refresh_token_expires_at"),
    scope: text("scope"),
    password: text("password"),
    createdAt: instant("created_at").notNull().default(sql`now()`),
    updatedAt: instant("updated_at").notNull().default(sql`now()`),
  },
  (table) => [
    uniqueIndex("app_account_issuer").on(table.issuer, table.accountId),
    index("app_account_user").on(table.userId),
  ],
);

/** Short-lived proofs: password resets, states of a sign-in at another provider. */
export const verification = pgTable(
  "app_verification",
  {
    id: text("id").primaryKey(),
    identifier: text("identifier").notNull(),
    value: text("value").notNull(),
    expiresAt: instant("expires_at").notNull(),
    createdAt: instant("created_at").notNull().default(sql`now()`),
    updatedAt: instant("updated_at").notNull().default(sql`now()`),
  },
  (table) => [index("app_verification_identifier").on(table.identifier)],
);
