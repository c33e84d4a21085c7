import { once } from "node:events";
import { connect, type Socket } from "node:net";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { expectPostgresLog } from "../support/postgres-log.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";

/** What `scripts/mend-driver.mjs` mends. Unmended, the first of these ends the process and the second waits for ever. */
let stored: TestDatabase;
let sql: postgres.Sql | null = null;
const sockets: Socket[] = [];

beforeAll(async () => {
  expectPostgresLog(/terminating connection due to administrator command/);
  stored = await openTestDatabase();
});
afterAll(() => stored.close());
afterEach(async () => {
  await sql?.end({ timeout: 1 });
  sockets.length = 0;
});

/** One connection, whose socket the test can reach. */
function open(): postgres.Sql {
  const { port } = new URL(stored.url);
  // The option is the driver's, and not in its types.
  const options: postgres.Options<Record<string, never>> & { socket: () => Promise<Socket> } = {
    max: 1,
    backoff: () => 0.01,
    socket: () =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(port), "127.0.0.1");
        socket.once("connect", () => resolve(socket)).once("error", reject);
        sockets.push(socket);
      }),
  };
  sql = postgres(stored.url, options);
  return sql;
}

test("a transaction whose connection is gone fails at its next statement, and the pool goes on", async () => {
  const pool = open();
  const run = pool.begin(async (transaction) => {
    const [row] = await transaction<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const closed = new Promise((resolve) => sockets[0]?.once("close", resolve));
    await stored.database.sql`select pg_terminate_backend(${row?.pid ?? 0})`;
    await closed;
    await transaction`select 1`;
  });
  await expect(run).rejects.toThrow("CONNECTION_CLOSED");
  expect([...(await pool`select 2 as n`)]).toEqual([{ n: 2 }]);
});

test("a connection that closes while a statement is about to be written is made anew, and writes", async () => {
  const pool = open();
  await pool`select 1`;
  const { port } = new URL(stored.url);
  const other = connect(Number(port), "127.0.0.1");
  await once(other, "connect");
  // Handles that are closed in one turn end in one go, the last one first: what is asked between the two ends would be written
  // at the end of a turn that the first of them does not see.
  const lost = new Promise<unknown>((resolve) => {
    other.once("close", () => void pool`select 1 as n`.then(() => resolve("answered"), resolve));
  });
  sockets[0]?.destroy();
  other.destroy();
  expect(String(await lost)).toContain("CONNECTION_CLOSED");
  for (let times = 0; times < 3; times++) expect([...(await pool`select 3 as n`)]).toEqual([{ n: 3 }]);
  expect(sockets.length).toBe(2);
}, 10_000);
