import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCloseLine, makeOpenLine } from "../../../server/core/usage-line.ts";
import { Journal, ownerFile } from "../../../server/ledger/journal.ts";
import { getJournalOwner } from "../../../server/ledger/journal-owner.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { openMetrics } from "../../../server/platform/metrics.ts";
import { handleAdoptJournals } from "../../../workers/jobs/adopt-journals.ts";
import type { JobTools } from "../../../workers/registry.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { openWorkerHarness, type WorkerHarness } from "../../support/worker-harness.ts";

let cloned: TestDatabase;
let harness: WorkerHarness;
let tools: JobTools;
let journalDir = "";
beforeAll(async () => {
  cloned = await openTestDatabase();
  harness = openWorkerHarness({ databaseUrl: cloned.url, redisUrl: null }, []);
  const { context } = harness;
  journalDir = join(context.config.dataDir, "journal");
  mkdirSync(journalDir, { recursive: true });
  tools = {
    context,
    logger: context.logger,
    signal: new AbortController().signal,
    updateProgress: async () => undefined,
  };
});
afterAll(async () => {
  await harness.stop();
  await cloned.close();
});

function openJournal(process: string): Journal {
  return new Journal({ journalDir, process, segmentBytesMax: 1e6, clock: openClock(), metrics: openMetrics() });
}

test("the journal of a process that died comes in, once, by whichever worker; one that lives keeps its own", async () => {
  const living = openJournal("living");
  const dead = openJournal("dead");
  const closed = makeUsageEvent(Date.now());
  const open = makeUsageEvent(Date.now() + 1, { usageSource: "reserved", costNanoUsd: 5_000n });
  appendFileSync(
    join(dead.folder, "00000001.journal"),
    `O\t${makeOpenLine(closed)}\nC\t${makeCloseLine(closed)}\nO\t${makeOpenLine(open)}\n`,
  );
  writeFileSync(
    join(dead.folder, ownerFile),
    JSON.stringify({ ...getJournalOwner(), pid: 2 ** 22 + 1, startedAt: "1" }),
  );

  const done = await Promise.all([handleAdoptJournals(tools), handleAdoptJournals(tools)]);
  const sum = (name: "folders" | "closed" | "open" | "inserted") => done.reduce((all, each) => all + each[name], 0);
  expect([sum("folders"), sum("closed"), sum("open"), sum("inserted")]).toEqual([1, 1, 1, 2]);
  expect(readdirSync(journalDir).map((name) => name.split(".")[0])).toEqual(["living"]);
  const rows = await cloned.database.sql`select id, usage_source from usage_event order by at`;
  expect(rows.map((row) => ({ ...row }))).toEqual([
    { id: closed.id, usage_source: "reported" },
    { id: open.id, usage_source: "reserved" },
  ]);
  expect(await handleAdoptJournals(tools)).toEqual({ folders: 0, closed: 0, open: 0, inserted: 0 });
  living.shutDown();
});
