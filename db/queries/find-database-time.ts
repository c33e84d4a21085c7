import type postgres from "postgres";

/** Milliseconds since 1970 by the database's clock. */
export async function findDatabaseTime(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ now_ms: string }[]>`select extract(epoch from clock_timestamp()) * 1000 as now_ms`;
  if (row === undefined) throw new Error("a select without from has one row");
  return Number(row.now_ms);
}
