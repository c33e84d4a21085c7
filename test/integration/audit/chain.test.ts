import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { insertAuditEntry } from "../../../db/queries/insert-audit-entry.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

/** Written from the description of the format, apart from the product's own code. */
function hashRow(row: Record<string, string | null>, previous: string): string {
  const fields = [
    "tollgate-audit-1",
    row.seq,
    row.at,
    row.actor,
    row.action,
    row.object_type,
    row.object_id,
    row.owner_id,
    row.before,
    row.after,
    row.ip,
    row.request_id,
    previous,
  ];
  const hash = createHash("sha256");
  for (const field of fields) hash.update(typeof field === "string" ? `${Buffer.byteLength(field)}:${field}` : "-");
  return hash.digest("hex");
}

async function listRows(): Promise<Record<string, string | null>[]> {
  return await db.database.sql`
    select seq::text, to_json(at at time zone 'UTC')#>>'{}' as at, actor, action, object_type, object_id, owner_id,
      before::text, after::text, ip, request_id, encode(previous_hash, 'hex') as previous_hash, encode(hash, 'hex') as hash
    from audit_entry order by audit_entry.seq`;
}

test("entries of transactions that race form one chain, which can be computed anew", async () => {
  const { sql } = db.database;
  const rolledBack = new Error("on purpose");
  const values = [null, { name: "a:b", tags: { "ä€🙂": '"\\' } }, { list: [1, 2.5, null] }, "-", "", 0];
  await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      sql
        .begin(async (tx) => {
          await insertAuditEntry(tx, {
            actor: `key:${index}`,
            action: "thing.change",
            objectType: "thing",
            objectId: `é${index}`,
            ownerId: index % 2 === 0 ? null : "",
            before: values[index % values.length],
            after: values[(index + 1) % values.length],
            ip: "",
            requestId: "r",
          });
          if (index % 10 === 9) throw rolledBack;
        })
        .catch((error: unknown) => {
          if (error !== rolledBack) throw error;
        }),
    ),
  );
  const rows = await listRows();
  expect(rows.length).toBe(60 - 6);
  let previous = "0".repeat(64);
  for (const [index, row] of rows.entries()) {
    expect(row.seq).toBe(String(index + 1));
    expect(row.previous_hash).toBe(previous);
    const at = new Date(`${row.at}Z`).toISOString();
    expect(row.hash).toBe(hashRow({ ...row, at }, previous));
    previous = row.hash ?? "";
  }
});
