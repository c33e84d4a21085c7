import { fork } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { leaseBudgets, openBudgetWindows } from "../../../db/queries/lease-budgets.ts";
import { makeCloseLine, makeOpenLine } from "../../../server/core/usage-line.ts";
import { ownerFile } from "../../../server/ledger/journal.ts";
import { getJournalOwner } from "../../../server/ledger/journal-owner.ts";
import { recoverJournals } from "../../../server/ledger/recovery.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { openLogger } from "../../../server/platform/logger.ts";
import { findBuiltProgram } from "../../support/built-program.ts";
import { makeWindow } from "../../support/lease-processes.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { findWindow } from "../../support/stored-windows.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { makeTestFolder } from "../../support/test-folder.ts";
import { waitUntil } from "../../support/wait-until.ts";

const clock = openClock();
const logger = openLogger({ level: "silent", pretty: false, access: false });
const window = makeWindow(1_000_000_000n);
const lease = 500_000_000n;
const cost = 1_234n;
let test: TestDatabase;
let journalDir: string;
const sql = () => test.database.sql;

beforeEach(async () => {
  test = await openTestDatabase();
  journalDir = makeTestFolder();
});
afterEach(() => test.close());

/**
 * Leaves what a process leaves that died: a lease, and a journal with `calls` calls that have ended.
 *
 * @param bootId of the machine when it ran.
 */
async function makeDead(calls: number, bootId: string): Promise<void> {
  const { id, terms, startMs, endMs } = window;
  await openBudgetWindows(sql(), [{ ...terms, id, startMs, endMs }]);
  await sql()`insert into budget_process (process) values ('dead')`;
  const groups = [{ windows: [{ id, min: lease, all: lease, want: 0n }] }];
  await leaseBudgets(sql(), {
    process: "dead",
    seq: 1,
    share: 8,
    notify: false,
    terms: [],
    returns: [],
    groups,
  });
  const folder = join(journalDir, "dead");
  mkdirSync(folder);
  const records = Array.from({ length: calls }, (_, index) => {
    const event = makeUsageEvent(Date.now() + index, { budgetWindows: id, costNanoUsd: cost });
    return `O\t${makeOpenLine(event)}\nC\t${makeCloseLine(event)}\n`;
  });
  writeFileSync(join(folder, "00000001.journal"), records.join(""));
  const owner = join(folder, ownerFile);
  writeFileSync(owner, JSON.stringify({ ...getJournalOwner(), pid: 2 ** 22 + 1, startedAt: "1", bootId }));
  // Its heart has stopped long ago.
  utimesSync(owner, 1, 1);
}

const recover = () => recoverJournals({ journalDir, sql: sql(), clock, logger });
const { bootId } = getJournalOwner();

async function findWriteOff(): Promise<bigint> {
  const [row] = await sql()<{ sum: string }[]>`select coalesce(sum(amount_nano_usd), 0) as sum from budget_write_off`;
  return BigInt(row?.sum ?? 0);
}

/** Recovers in a process that is killed as soon as its first events are stored. */
async function killInTheMiddle(calls: number): Promise<void> {
  const child = fork(findBuiltProgram("recovery-child"), [journalDir, test.url]);
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const count = async () => Number((await sql()`select count(*) as n from usage_event`)[0]?.n);
  await waitUntil(async () => (await count()) > 0, "the first events are stored", 20_000);
  child.kill("SIGKILL");
  await ended;
  const stored = await count();
  expect([stored > 0, stored < calls]).toEqual([true, true]);
  expect(readdirSync(journalDir)).toHaveLength(1);
}

describe("leases of a process that died", () => {
  it("are free again once its journal is stored, where the machine ran on", async () => {
    await makeDead(100, bootId);
    expect(await recover()).toMatchObject({ folders: 1, inserted: 100, freedNanoUsd: lease - 100n * cost });
    expect(await findWindow(sql(), window)).toMatchObject({ settled: 100n * cost, leased: 0n });
    expect(await findWriteOff()).toBe(0n);
  });

  it("are charged after another boot: what was written last may be lost", async () => {
    await makeDead(100, "another-boot");
    expect(await recover()).toMatchObject({ folders: 1, inserted: 100, writtenOffNanoUsd: lease - 100n * cost });
    expect(await findWindow(sql(), window)).toMatchObject({ settled: lease, leased: 0n });
    expect(await findWriteOff()).toBe(lease - 100n * cost);
  });

  it.each([
    ["the machine ran on", bootId, 20_000n * cost, 0n],
    ["another boot", "another-boot", lease, lease - 20_000n * cost],
  ])(
    "a recovery that is killed in the middle is taken up by the next: %s",
    async (_what, boot, settled, writeOff) => {
      const calls = 20_000;
      await makeDead(calls, boot);
      await killInTheMiddle(calls);
      const [folder = ""] = readdirSync(journalDir);
      const { isUnsynced } = JSON.parse(readFileSync(join(journalDir, folder, ownerFile), "utf8"));
      expect(isUnsynced).toBe(boot !== bootId);
      expect(await recover()).toMatchObject({ folders: 1, closed: calls });
      const [row] = await sql()`select count(*)::int as n from usage_event`;
      expect(row?.n).toBe(calls);
      expect(await findWindow(sql(), window)).toMatchObject({ settled, leased: 0n });
      expect(await findWriteOff()).toBe(writeOff);
      expect(readdirSync(journalDir)).toEqual([]);
      // And once more finds nothing to do.
      expect(await recover()).toMatchObject({ folders: 0 });
      expect(await findWindow(sql(), window)).toMatchObject({ settled, leased: 0n });
    },
    60_000,
  );
});
