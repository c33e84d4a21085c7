import type postgres from "postgres";

/** True where the deployment has any key, in whatever state. */
export async function findAnyApiKey(sql: postgres.Sql): Promise<boolean> {
  const rows = await sql`select 1 from api_key limit 1`;
  return rows.length > 0;
}
