import { bigint, customType, index, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";

const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });

/**
 * One row per change that somebody made, chained by hashes. Written by the SQL function `insert_audit_entry` alone, in the
 * transaction of the change; triggers refuse every update, delete and truncate. No secret stands in it.
 */
export const auditEntry = pgTable(
  "audit_entry",
  {
    /** 1, 2, 3 and so on, in the order of the commits, without gaps. */
    seq: bigint("seq", { mode: "bigint" }).primaryKey(),
    at: timestamp("at", { withTimezone: true, mode: "date", precision: 3 }).notNull(),
    /** `system`, `system:JOB`, `cli`, `key:PUBLIC_ID` or `user:ID`. */
    actor: text("actor").notNull(),
    action: text("action").notNull(),
    objectType: text("object_type").notNull(),
    objectId: text("object_id").notNull(),
    /** Of the object, after the change. */
    ownerId: text("owner_id"),
    before: jsonb("before"),
    after: jsonb("after"),
    /** Empty where the change did not come over the network. */
    ip: text("ip").notNull(),
    requestId: text("request_id").notNull(),
    /** Of the row before; 32 zero bytes in the first row. */
    previousHash: bytea("previous_hash").notNull(),
    hash: bytea("hash").notNull(),
  },
  (table) => [
    index("audit_entry_at").on(table.at),
    index("audit_entry_actor").on(table.actor, table.seq),
    index("audit_entry_object").on(table.objectType, table.objectId, table.seq),
  ],
);
