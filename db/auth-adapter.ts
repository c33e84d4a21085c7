import { drizzleAdapter } from "better-auth/adapters/drizzle";
import type { Database } from "./client.ts";
import { account, session, user, verification } from "./schema/user.ts";

/** What better-auth stores through: the four tables of users, with transactions. */
export function makeAuthAdapter(database: Database) {
  return drizzleAdapter(database.orm, {
    provider: "pg",
    schema: { user, session, account, verification },
    transaction: true,
  });
}
