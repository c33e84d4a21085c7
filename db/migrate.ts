import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import postgres from "postgres";

/** The database was migrated by a newer release than this one. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
}

const lockKey = 7_021_001;
const insufficientPrivilege = "42501";

/** From `db/` in the source and from `dist/db/` in a build alike: the folder is not compiled. */
function findMigrationsFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return join(here.replace(/([\\/])dist([\\/])db$/, "$1db"), "migrations");
}

/**
 * Brings the schema to this release's. One process at a time (advisory lock); a second one waits and finds nothing to do.
 * Each migration runs in the migrator's transaction: a kill in the middle leaves nothing half done.
 *
 * @returns how many migrations were applied.
 * @throws NewerSchemaError where the database holds more migrations than this release knows.
 */
export async function migrateDatabase(url: string): Promise<number> {
  const folder = findMigrationsFolder();
  const journal: { entries: unknown[] } = JSON.parse(readFileSync(join(folder, "meta", "_journal.json"), "utf8"));
  const sql = postgres(url, { max: 1, onnotice: () => undefined, connect_timeout: 10 });
  try {
    await sql`select pg_advisory_lock(${lockKey})`;
    const before = await countApplied(sql);
    if (before > journal.entries.length) {
      throw new NewerSchemaError(
        `The database has ${before} migrations, this release knows ${journal.entries.length}. Start the newer release, or restore a backup.`,
      );
    }
    // The migrator would ask for rights that a role which only runs the gateway does not have.
    if (before === journal.entries.length) return 0;
    // Loaded by who needs it: the command line is faster without.
    const [{ drizzle }, { migrate }] = await Promise.all([
      import("drizzle-orm/postgres-js"),
      import("drizzle-orm/postgres-js/migrator"),
    ]);
    // Told, not found out: the compiler would compare sessions for a fifth of a second.
    await migrate<Record<string, never>>(drizzle(sql), { migrationsFolder: folder });
    return (await countApplied(sql)) - before;
  } catch (error) {
    // The migrator wraps what PostgreSQL answered.
    const answer = error instanceof Error && error.cause !== undefined ? error.cause : error;
    if (!(answer instanceof postgres.PostgresError && answer.code === insufficientPrivilege)) throw error;
    throw new Error(
      `This role may not bring the schema to this release's (${answer.message}). Run \`tollgate migrate\` as the owner.`,
      { cause: error },
    );
  } finally {
    await sql.end({ timeout: 2 });
  }
}

async function countApplied(sql: postgres.Sql): Promise<number> {
  const [table] = await sql`select to_regclass('drizzle.__drizzle_migrations') as name`;
  if (table?.name === null || table?.name === undefined) return 0;
  const [row] = await sql`select count(*)::int as applied from drizzle.__drizzle_migrations`;
  return Number(row?.applied ?? 0);
}
