import type postgres from "postgres";

/** True where somebody can sign in, or could if he were not disabled. */
export async function findAnyUser(sql: postgres.Sql): Promise<boolean> {
  const rows = await sql`select 1 from app_user limit 1`;
  return rows.length > 0;
}
