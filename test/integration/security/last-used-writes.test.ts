import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRawPost, type PipelinedRequest, sendPipelined } from "../../support/raw-http.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

/** BARS.md D2: a key that is used all the time is written once a minute, and nobody waits for its row. */
const requestCount = 10_000;
const dataDir = mkdtempSync(join(tmpdir(), "tollgate-test-"));
let database: TestDatabase;
const gateways: TestGateway[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
  // One row for each write of a key's row, counted by PostgreSQL itself.
  await database.database.sql.unsafe(`
    create table written (public_id text, at timestamptz default clock_timestamp());
    create function note_written() returns trigger language plpgsql as
      $$ begin insert into written (public_id) values (new.public_id); return null; end $$;
    create trigger key_written after update on api_key for each row execute function note_written();
    create trigger secret_written after update on api_key_secret for each row execute function note_written();`);
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  await database.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function countWrites(sql: postgres.Sql, publicId: string): Promise<number> {
  return Number((await sql`select count(*) as n from written where public_id = ${publicId}`)[0]?.n);
}

/** Looks every few milliseconds for somebody who waits for a lock of keys in this database, until told to stop. */
function watchLockWaits(sql: postgres.Sql): { stop(): Promise<{ looks: number; waits: number }> } {
  let isOver = false;
  const found = { looks: 0, waits: 0 };
  const watching = (async () => {
    while (!isOver) {
      const [row] = await sql`
        select count(*) as n from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%api_key%'`;
      found.looks++;
      found.waits += Number(row?.n);
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  })();
  return {
    async stop() {
      isOver = true;
      await watching;
      return found;
    },
  };
}

test(`${requestCount} requests of one key through three gateways: at most three writes of its row, no wait for a lock`, async () => {
  const { sql } = database.database;
  // One data folder, and so one pepper: processes of one deployment.
  for (let index = 0; index < 3; index++) gateways.push(await openTestGateway({ database, dataDir }));
  const [first] = gateways as [TestGateway, TestGateway, TestGateway];
  const key = await first.makeKey();
  const watch = watchLockWaits(sql);
  const body = JSON.stringify({ model: "echo::hello", messages: [{ role: "user", content: "Hello" }] });
  const bytes = makeRawPost("/v1/chat/completions", [`Authorization: Bearer ${key.text}`], body);
  const startedAtMs = Date.now();
  let answered = 0;
  await Promise.all(
    gateways.map((gateway, index) => {
      const share = Math.floor(requestCount / 3) + (index < requestCount % 3 ? 1 : 0);
      const requests = Array.from({ length: share }, (): PipelinedRequest => ({ bytes, alone: false }));
      return sendPipelined(Number(new URL(gateway.url).port), requests, (_request, answer) => {
        if (answer?.status === 200) answered++;
      });
    }),
  );
  const endedAtMs = Date.now();
  // A close writes what is held back.
  for (const gateway of gateways) await gateway.context.close();
  const { looks, waits } = await watch.stop();
  const writes = await countWrites(sql, key.publicId);
  const [used] =
    await sql`select extract(epoch from last_used_at) * 1000 as at_ms from api_key where public_id = ${key.publicId}`;
  console.info(
    `D2: ${answered} requests in ${endedAtMs - startedAtMs} ms, ${writes} writes, ${waits} lock waits in ${looks} looks`,
  );
  expect(answered).toBe(requestCount);
  expect(endedAtMs - startedAtMs).toBeLessThan(60_000);
  expect(writes).toBeGreaterThanOrEqual(1);
  expect(writes).toBeLessThanOrEqual(3);
  expect(Math.abs(Number(used?.at_ms) - endedAtMs)).toBeLessThanOrEqual(60_000);
  expect(looks).toBeGreaterThan(20);
  expect(waits).toBe(0);
  // Every request was metered all the same.
  expect(await first.listEvents(requestCount).then((events) => events.length)).toBe(requestCount);
}, 90_000);

test("the check sees a gateway that writes for every request", async () => {
  const { sql } = database.database;
  const [row] = await sql`select public_id from api_key limit 1`;
  const publicId = String(row?.public_id);
  const before = await countWrites(sql, publicId);
  const watch = watchLockWaits(sql);
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let index = 0; index < 5; index++) {
        await sql.begin(async (transaction) => {
          await transaction`update api_key set last_used_at = now() where public_id = ${publicId}`;
          await transaction`select pg_sleep(0.02)`;
        });
      }
    }),
  );
  const { waits } = await watch.stop();
  expect((await countWrites(sql, publicId)) - before).toBe(20);
  expect(waits).toBeGreaterThan(0);
});
