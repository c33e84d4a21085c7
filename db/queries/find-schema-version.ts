import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type postgres from "postgres";

export interface SchemaVersion {
  /** Migrations that the database has. */
  applied: number;
  /** Migrations that this release brings. */
  known: number;
}

/** Compares the database's schema with this release's, without changing anything. */
export async function findSchemaVersion(sql: postgres.Sql): Promise<SchemaVersion> {
  const known = countKnownMigrations();
  const [table] = await sql<{ present: boolean }[]>`
    select to_regclass('drizzle.__drizzle_migrations') is not null as present`;
  if (table?.present !== true) return { applied: 0, known };
  const [row] = await sql<{ applied: number }[]>`select count(*)::int as applied from drizzle.__drizzle_migrations`;
  return { applied: row?.applied ?? 0, known };
}

/** The folder is not compiled: in a build it stands beside `dist`. */
function countKnownMigrations(): number {
  const here = dirname(fileURLToPath(import.meta.url));
  const folder = here.replace(/([\\/])dist([\\/])db([\\/])queries$/, "$1db$3queries");
  const journal: unknown = JSON.parse(readFileSync(join(folder, "..", "migrations", "meta", "_journal.json"), "utf8"));
  if (typeof journal !== "object" || journal === null || !("entries" in journal) || !Array.isArray(journal.entries)) {
    throw new Error("the journal of migrations is broken");
  }
  return journal.entries.length;
}
