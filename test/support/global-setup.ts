import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { migrateDatabase } from "../../db/migrate.ts";
import {
  type EmbeddedPostgres,
  openEmbeddedPostgres,
} from "../../server/platform/embedded-postgres/embedded-postgres.ts";
import { findUnexpectedEntries, loadExpectedPatterns } from "./postgres-log.ts";

/** One PostgreSQL for all projects of a run: vitest calls the setup once per project. */
interface SharedServer {
  users: number;
  opening: Promise<{ server: EmbeddedPostgres; dataDir: string; expectedLogFile: string }>;
}
const shared = globalThis as typeof globalThis & { tollgateTestServer?: SharedServer };

/** Nothing here outlives the run, so nothing has to reach the disk. */
const parameters = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "200",
  log_line_prefix: "%m [%p] %d ",
};

/**
 * Starts PostgreSQL in a temporary folder with a migrated template to clone, and fails the run when PostgreSQL logged an
 * error that no test declared with `expectPostgresLog`.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.tollgateTestServer ??= { users: 0, opening: openServer() };
  shared.tollgateTestServer.users += 1;
  const { server, expectedLogFile } = await shared.tollgateTestServer.opening;
  const adminUrl = new URL(server.databaseUrl);
  adminUrl.pathname = "/postgres";
  project.provide("postgresUrl", adminUrl.href);
  project.provide("expectedLogFile", expectedLogFile);
  return closeServer;
}

async function openServer() {
  const dataDir = mkdtempSync(join(tmpdir(), "tollgate-test-"));
  const expectedLogFile = join(dataDir, "expected-log.jsonl");
  writeFileSync(expectedLogFile, "", { mode: 0o666 });
  const server = await openEmbeddedPostgres({ dataDir, database: "tollgate_template", parameters });
  await migrateDatabase(server.databaseUrl);
  return { server, dataDir, expectedLogFile };
}

async function closeServer(): Promise<void> {
  const entry = shared.tollgateTestServer;
  if (entry === undefined) return;
  entry.users -= 1;
  if (entry.users > 0) return;
  delete shared.tollgateTestServer;
  const { server, dataDir, expectedLogFile } = await entry.opening;
  // Read before the stop: what it says to those who are still connected is no error of theirs.
  const unexpected = findUnexpectedEntries(
    readFileSync(join(dataDir, "postgres.log"), "utf8"),
    loadExpectedPatterns(expectedLogFile),
  );
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
  if (unexpected.length === 0) return;
  process.exitCode = 1;
  throw new Error(
    `PostgreSQL logged ${unexpected.length} error(s) that no test expected (see expectPostgresLog):\n${unexpected.slice(0, 20).join("\n")}`,
  );
}
