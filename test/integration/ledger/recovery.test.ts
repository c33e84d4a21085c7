import { appendFileSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { makeCloseLine, makeOpenLine } from "../../../server/core/usage-line.ts";
import { Journal, ownerFile } from "../../../server/ledger/journal.ts";
import { recoverJournals } from "../../../server/ledger/recovery.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { openLogger } from "../../../server/platform/logger.ts";
import { openMetrics } from "../../../server/platform/metrics.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { makeTestFolder } from "../../support/test-folder.ts";

let database: TestDatabase;
const clock = openClock();
const logger = openLogger({ level: "silent", pretty: false, access: false });

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

/** A journal folder as a process leaves it that is killed: its owner is not alive any more. */
function makeDeadJournal(): { journalDir: string; folder: string } {
  const journalDir = makeTestFolder();
  const journal = new Journal({ journalDir, process: "dead", segmentBytesMax: 1e6, clock, metrics: openMetrics() });
  const owner = { pid: 2 ** 22 + 1, startedAt: "1", bootId: readBootId(), pidNamespace: readNamespace() };
  writeFileSync(join(journal.folder, ownerFile), JSON.stringify(owner));
  return { journalDir, folder: journal.folder };
}

const readBootId = () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
const readNamespace = () => readlinkSync("/proc/self/ns/pid");
const segment = "00000001.journal";

async function listIds(ids: readonly string[]) {
  const rows = await database.database.sql<{ id: string; usage_source: string; cost: string }[]>`
    select id, usage_source, cost_nano_usd as cost from usage_event where id = any(${ids as string[]}::uuid[]) order by id`;
  return rows.map((row) => ({ ...row }));
}

describe("recoverJournals", () => {
  it("charges what was closed as it ended and what was open as reserved, once, whatever is replayed", async () => {
    const { journalDir, folder } = makeDeadJournal();
    const open = makeUsageEvent(Date.now(), { usageSource: "reserved", costNanoUsd: 5_000n });
    const closed = makeUsageEvent(Date.now() + 1);
    const flushed = makeUsageEvent(Date.now() + 2);
    await insertUsageEvents(database.database.sql, "dead", [flushed]);
    const opening = (event: typeof open) => `O\t${makeOpenLine(event)}\n`;
    const closing = (event: typeof open) => `C\t${makeCloseLine(event)}\n`;
    appendFileSync(
      join(folder, segment),
      opening(open) +
        opening(closed) +
        closing(closed) +
        opening(flushed) +
        closing(flushed) +
        // Its beginning went with a segment that was removed, because PostgreSQL has it.
        closing(makeUsageEvent(Date.now())) +
        opening(makeUsageEvent(Date.now())).slice(0, 60),
    );
    const report = await recoverJournals({ journalDir, sql: database.database.sql, clock, logger });
    expect(report).toEqual({ folders: 1, closed: 2, open: 1, inserted: 2, freedNanoUsd: 0n, writtenOffNanoUsd: 0n });
    expect(await listIds([open.id, closed.id, flushed.id])).toEqual(
      [
        { id: open.id, usage_source: "reserved", cost: "5000" },
        { id: closed.id, usage_source: "reported", cost: "1234" },
        { id: flushed.id, usage_source: "reported", cost: "1234" },
      ].sort((a, b) => (a.id < b.id ? -1 : 1)),
    );
    expect(readdirSync(journalDir)).toEqual([]);
    const [part] = await database.database.sql`select sum(events)::int as events from usage_part`;
    expect(part?.events).toBe(3);
  });

  it("leaves the journal of a living process alone", async () => {
    const journalDir = makeTestFolder();
    const journal = new Journal({ journalDir, process: "living", segmentBytesMax: 1e6, clock, metrics: openMetrics() });
    await journal.open(makeUsageEvent(Date.now())).written;
    const report = await recoverJournals({ journalDir, sql: database.database.sql, clock, logger });
    expect(report.folders).toBe(0);
    expect(readdirSync(journal.folder)).toHaveLength(2);
  });

  it("skips a record that a full disk cut in the middle, and reads on", async () => {
    const { journalDir, folder } = makeDeadJournal();
    const event = makeUsageEvent(Date.now());
    appendFileSync(
      join(folder, segment),
      `O\t${makeOpenLine(makeUsageEvent(Date.now())).slice(0, 80)}\nO\t${makeOpenLine(event)}\nC\t${makeCloseLine(event)}\n`,
    );
    const report = await recoverJournals({ journalDir, sql: database.database.sql, clock, logger });
    expect(report).toMatchObject({ closed: 1, inserted: 1 });
  });

  it("lets two processes start at once: each folder is replayed by one of them", async () => {
    const { journalDir, folder } = makeDeadJournal();
    const events = Array.from({ length: 2_500 }, (_, index) => makeUsageEvent(Date.now() + index));
    appendFileSync(
      join(folder, segment),
      events.map((event) => `O\t${makeOpenLine(event)}\nC\t${makeCloseLine(event)}\n`).join(""),
    );
    const deps = { journalDir, sql: database.database.sql, clock, logger };
    const reports = await Promise.all([recoverJournals(deps), recoverJournals(deps)]);
    expect(reports.reduce((sum, report) => sum + report.inserted, 0)).toBe(2_500);
    expect(await listIds(events.map((event) => event.id))).toHaveLength(2_500);
  });
});
