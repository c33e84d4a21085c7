import type postgres from "postgres";

/** What the table says of a window. Nano-USD. */
export interface WindowRow {
  limit: bigint;
  settled: bigint;
  leased: bigint;
}

export async function findWindow(sql: postgres.Sql, { id }: { id: string }): Promise<WindowRow> {
  const [row] = await sql`
    select limit_nano_usd, settled_nano_usd, leased_nano_usd from budget_window where window_id = ${id}`;
  if (row === undefined) throw new Error(`no window ${id}`);
  return {
    limit: BigInt(row.limit_nano_usd),
    settled: BigInt(row.settled_nano_usd),
    leased: BigInt(row.leased_nano_usd),
  };
}
