import { AsyncLocalStorage } from "node:async_hooks";
import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { type SQL, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import type { Database } from "./client.ts";
import { type AuditEntry, makeAuditJson } from "./queries/insert-audit-entry.ts";
import { account, session, user, verification } from "./schema/user.ts";

/** What the transaction that runs writes into the audit log before it commits. */
const entriesOf = new AsyncLocalStorage<AuditEntry[]>();

/**
 * Has the transaction of better-auth that runs now write an entry, last of all; for hooks that run before a row is written.
 *
 * @throws outside of such a transaction: an entry tells of nothing then.
 */
export function addAuthAudit(entry: AuditEntry): void {
  const entries = entriesOf.getStore();
  if (entries === undefined) throw new Error("better-auth makes users in a transaction");
  entries.push(entry);
}

/** What better-auth stores through: the four tables of users, with transactions that write what {@link addAuthAudit} was given. */
export function makeAuthAdapter(database: Database) {
  const orm = drizzle(database.sql);
  const transaction: typeof orm.transaction = (run, config) =>
    orm.transaction(async (tx) => {
      const entries: AuditEntry[] = [];
      const result = await entriesOf.run(entries, () => run(tx));
      for (const entry of entries) await tx.execute(makeAuditStatement(entry));
      return result;
    }, config);
  return drizzleAdapter(Object.create(orm, { transaction: { value: transaction } }) as typeof orm, {
    provider: "pg",
    schema: { user, session, account, verification },
    transaction: true,
  });
}

/** What `insertAuditEntry` does, as a statement for a transaction of drizzle's. */
function makeAuditStatement(entry: AuditEntry): SQL {
  return sql`
    select insert_audit_entry(${entry.actor}, ${entry.action}, ${entry.objectType}, ${entry.objectId}, ${entry.ownerId},
      ${makeAuditJson(entry.before)}::text::jsonb, ${makeAuditJson(entry.after)}::text::jsonb, ${entry.ip}, ${entry.requestId})`;
}
