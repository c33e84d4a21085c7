import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../../db/client.ts";
import type { UsageEvent } from "../../../server/core/usage-event.ts";
import { Flusher } from "../../../server/ledger/flusher.ts";
import { Journal } from "../../../server/ledger/journal.ts";
import { RefusalCounts } from "../../../server/ledger/refusal-counts.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { openLogger } from "../../../server/platform/logger.ts";
import { openMetrics } from "../../../server/platform/metrics.ts";
import { type FaultProxy, openFaultProxy } from "../../support/fault-proxy.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { makeTestFolder } from "../../support/test-folder.ts";
import { waitUntil } from "../../support/wait-until.ts";

let test: TestDatabase;
let proxy: FaultProxy;
let database: Database;
let journal: Journal;
let flusher: Flusher;
const clock = openClock();
const metrics = openMetrics();

beforeEach(async () => {
  test = await openTestDatabase();
  const url = new URL(test.url);
  proxy = await openFaultProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  database = openDatabase({ url: url.href, applicationName: "test-flusher" });
  const journalDir = makeTestFolder();
  journal = new Journal({ journalDir, process: "p1", segmentBytesMax: 2_000, clock, metrics });
  flusher = new Flusher({
    refusals: new RefusalCounts(),
    database,
    journal,
    process: "p1",
    clock,
    metrics,
    logger: openLogger({ level: "silent", pretty: false, access: false }),
    flushIntervalMs: 20,
    batchEventsMax: 50,
    pendingEventsMax: 120,
  });
});
afterEach(async () => {
  await flusher.close(2_000);
  await database.close();
  await proxy.close();
  await test.close();
});

async function add(event: UsageEvent): Promise<void> {
  const entry = journal.open(event);
  await entry.written;
  flusher.add(journal.close(entry, event));
}

const count = async () => Number((await test.database.sql`select count(*) as n from usage_event`)[0]?.n);

describe("Flusher", () => {
  it("moves events in batches, each with its part row, and lets the journal go", async () => {
    for (let index = 0; index < 130; index++) await add(makeUsageEvent(Date.now()));
    await waitUntil(async () => (await count()) === 130, "130 events");
    const parts = await test.database.sql<{ events: number }[]>`select p.events, count(e.id)::int as found
      from usage_part p join usage_event e using (part_id) group by p.part_id, p.events`;
    for (const part of parts) expect(part).toMatchObject({ found: part.events });
    expect(parts.reduce((sum, part) => sum + part.events, 0)).toBe(130);
    await waitUntil(() => readdirSync(journal.folder).length === 2, "one segment and the owner file");
  });

  it("loses and doubles nothing when the connection is cut again and again", async () => {
    expectPostgresLog(/connection to client lost/);
    const ids: string[] = [];
    for (let round = 0; round < 10; round++) {
      for (let index = 0; index < 30; index++) {
        const event = makeUsageEvent(Date.now());
        ids.push(event.id);
        await add(event);
      }
      await new Promise((resolve) => setTimeout(resolve, 15));
      proxy.cut();
    }
    await waitUntil(() => flusher.pending === 0, "nothing waits", 20_000);
    const rows = await test.database.sql<{ id: string }[]>`select id from usage_event order by id`;
    expect(rows.map((row) => row.id)).toEqual([...ids].sort());
    const [sum] = await test.database.sql`select sum(events)::int as events from usage_part`;
    expect(sum?.events).toBe(ids.length);
  });

  it("says that it is full while PostgreSQL is gone, and catches up afterwards", async () => {
    proxy.refuse();
    for (let index = 0; index < 120; index++) await add(makeUsageEvent(Date.now()));
    expect(flusher.isFull).toBe(true);
    proxy.resume();
    await waitUntil(async () => (await count()) === 120, "120 events", 20_000);
    expect(flusher.isFull).toBe(false);
  });

  it("sets aside an event that PostgreSQL can never take, and goes on with the others", async () => {
    expectPostgresLog(/value too long|unsupported Unicode escape|invalid input syntax for type json/);
    const bad = makeUsageEvent(Date.now(), { keyTags: '{"a":"\\u0000"}' });
    for (let index = 0; index < 20; index++) await add(index === 7 ? bad : makeUsageEvent(Date.now()));
    await waitUntil(async () => (await count()) === 19, "19 events");
    await waitUntil(() => flusher.pending === 0, "nothing waits");
    const refused = join(journal.folder, "..", "refused.log");
    expect(existsSync(refused)).toBe(true);
    expect(readFileSync(refused, "utf8")).toContain(bad.id);
  });
});
