import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inject } from "vitest";
import { migrateDatabase } from "../../db/migrate.ts";
import { openEmbeddedPostgres } from "../../server/platform/embedded-postgres/embedded-postgres.ts";
import { expectPostgresLog, findUnexpectedEntries } from "./postgres-log.ts";
import { openTestDatabase } from "./test-database.ts";

/** A migrated database for a fault test, and what can be done to its server. */
export interface FaultPostgres {
  /** Of the database itself, past all proxies. */
  readonly url: string;
  readonly port: number;
  /** `null`: the server is the run's, and others need it. */
  readonly server: PrivateServer | null;
  /** Lets the log have errors that match; any other is a failure of the test. */
  expectLog(pattern: RegExp): void;
  /** Errors that the server logged for this database and nobody expects. */
  listErrors(): string[];
  close(): Promise<void>;
}

/** A PostgreSQL of the test's own. It keeps its port and what was committed, whatever is done to it. */
export interface PrivateServer {
  /** Ends all at once, as `pg_ctl stop -m immediate` or `kill -9` of the postmaster does; it starts again by itself. */
  crash(how: "immediate" | "kill"): void;
  /** In order, and it stays away until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Written by a server that is being ended, or whose clients are. */
const endings =
  /terminating connection|the database system is (?:starting up|shutting down|in recovery mode|not yet accepting)|connection to client lost|unexpected EOF on client connection|expected SASL response, got message type 88/;

/** What it writes of a client that is shaking hands while it is stopped, whatever the words say. */
const stopped = /canceling authentication due to timeout/;

/** A database on the server that all tests of the run share (about 40 ms). */
export async function openSharedPostgres(): Promise<FaultPostgres> {
  const stored = await openTestDatabase();
  const { port, pathname } = new URL(stored.url);
  const name = pathname.slice(1);
  const logFile = join(dirname(inject("expectedLogFile")), "postgres.log");
  const expected: RegExp[] = [];
  const expectLog = (pattern: RegExp): void => {
    expected.push(pattern);
    expectPostgresLog(pattern);
  };
  expectLog(endings);
  return {
    url: stored.url,
    port: Number(port),
    server: null,
    expectLog,
    listErrors: () =>
      findUnexpectedEntries(readFileSync(logFile, "utf8"), expected).filter((entry) => entry.includes(`] ${name} `)),
    close: () => stored.close(),
  };
}

/** A server of the test's own, with one migrated database (about 2 s). What it acknowledged survives a crash of it. */
export async function openPrivatePostgres(): Promise<FaultPostgres> {
  const dataDir = mkdtempSync(join(tmpdir(), "tollgate-fault-postgres-"));
  // The kernel keeps what a killed process wrote: only a power loss needs the disk.
  const parameters = { fsync: "off", full_page_writes: "off", max_connections: "200", log_line_prefix: "%m [%p] %d " };
  const open = () => openEmbeddedPostgres({ dataDir, parameters });
  let server = await open();
  const { databaseUrl: url, port } = server;
  await migrateDatabase(url);
  const expected = [endings, stopped];
  return {
    url,
    port,
    server: {
      crash: (how) => void process.kill(server.pid, how === "kill" ? "SIGKILL" : "SIGQUIT"),
      stop: () => server.stop(),
      async start() {
        server = await open();
        if (server.port !== port) throw new Error(`port ${port} was taken while PostgreSQL was away`);
      },
    },
    expectLog: (pattern) => void expected.push(pattern),
    listErrors: () => findUnexpectedEntries(readFileSync(join(dataDir, "postgres.log"), "utf8"), expected),
    async close() {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}
