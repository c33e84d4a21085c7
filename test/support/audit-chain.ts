import type postgres from "postgres";

/** Appends `entries` entries through the function that the product uses, 1,000 in a transaction. */
export async function insertManyEntries(sql: postgres.Sql, entries: number): Promise<void> {
  for (let done = 0; done < entries; done += 1_000) {
    await sql`
      select insert_audit_entry('key:' || n % 7, 'thing.change', 'thing', n::text, null, jsonb_build_object('n', n),
        jsonb_build_object('n', n + 1), '127.0.0.1', 'request-' || n)
      from generate_series(${done + 1}::int, ${Math.min(done + 1_000, entries)}::int) as n`;
  }
}

/** Runs `plant` as who owns the database and has taken the guards off; they are back afterwards. */
export async function plantAuditFault(
  sql: postgres.Sql,
  plant: (transaction: postgres.TransactionSql) => Promise<unknown>,
): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`alter table audit_entry disable trigger all`;
    await plant(transaction);
    await transaction`alter table audit_entry enable always trigger audit_entry_append_only`;
  });
}
