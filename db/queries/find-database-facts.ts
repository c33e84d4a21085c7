import type postgres from "postgres";

/** What a check of a deployment asks of its database. */
export interface DatabaseFacts {
  /** Milliseconds since 1970 by the database's clock. */
  nowMs: number;
  /** Like 160004 for 16.4. */
  versionNumber: number;
  connectionsMax: number;
}

export async function findDatabaseFacts(sql: postgres.Sql): Promise<DatabaseFacts> {
  const [row] = await sql<{ now_ms: string; version: number; connections: number }[]>`
    select extract(epoch from clock_timestamp()) * 1000 as now_ms, current_setting('server_version_num')::int as version,
      current_setting('max_connections')::int as connections`;
  if (row === undefined) throw new Error("a select without from has one row");
  return { nowMs: Number(row.now_ms), versionNumber: row.version, connectionsMax: row.connections };
}
