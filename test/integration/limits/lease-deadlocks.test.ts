import postgres from "postgres";
import { afterEach, beforeEach, expect, it } from "vitest";
import { deleteBudgetProcess } from "../../../db/queries/budget-process.ts";
import { findLockedBudgetWindow, updateBudgetWindow } from "../../../db/queries/update-budget-window.ts";
import { deleteDrawnLeases } from "../../../db/queries/update-ended-windows.ts";
import { type LeaseProcess, makeWindow, openLeaseProcess } from "../../support/lease-processes.ts";
import { plantFault } from "../../support/plant-fault.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";

const lastsMs = (process.env.TEST_TIER === "full" ? 60 : 20) * 1_000;
const unit = 1_000_000n;
const deadlockDetected = "40P01";
let test: TestDatabase;
let processes: LeaseProcess[];

beforeEach(async () => {
  test = await openTestDatabase();
  processes = await Promise.all(Array.from({ length: 3 }, () => openLeaseProcess({ url: test.url })));
});
afterEach(async () => {
  await Promise.all(processes.map((one) => one.close()));
  await test.close();
});

/** Three processes on overlapping sets of ten budgets, with top-ups, jobs and the ends of processes in between. */
async function runLoad(lastsMs: number) {
  const { sql } = test.database;
  const random = makeSeededRandom();
  // Scarce, so that asking, giving back and flushing go on all the time.
  const windows = Array.from({ length: 20 }, (_, index) => makeWindow(400n * unit, { subject: `w${index}` }));
  const pickTen = () =>
    windows
      .map((window) => ({ window, order: random.next() }))
      .sort((one, other) => one.order - other.order)
      .slice(0, 10)
      .map(({ window }) => window);
  const endMs = performance.now() + lastsMs;
  let admitted = 0;
  let refused = 0;
  const callers = Array.from({ length: 24 }, async (_, lane) => {
    const one = processes[lane % 3] as LeaseProcess;
    while (performance.now() < endMs) {
      const outcome = await one.budgets.reserve(pickTen(), unit, unit);
      if (outcome.ok) admitted++;
      else refused++;
      if (outcome.ok) await one.end(outcome, unit);
      else await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  const admin = (async () => {
    // Adds when calls were refused since, so that budgets are scarce however fast the machine is.
    let answered = 0;
    for (let index = 0; performance.now() < endMs; index++) {
      const added = refused > answered ? 300n * unit : 0n;
      answered = refused;
      const { id } = windows[index % windows.length] as (typeof windows)[number];
      await sql
        .begin(async (transaction) => {
          const window = await findLockedBudgetWindow(transaction, id);
          if (window !== null) await updateBudgetWindow(transaction, id, window.extraNanoUsd + added);
        })
        .catch((error: unknown) => {
          // Whose turn it is to be ended is PostgreSQL's choice; it counts each.
          if (!(error instanceof postgres.PostgresError && error.code === deadlockDetected)) throw error;
        });
      await deleteDrawnLeases(sql, 100);
      await deleteBudgetProcess(sql, `nobody-${index}`, true);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  await Promise.all([...callers, admin]);
  const [row] = await sql<{ deadlocks: number }[]>`
    select deadlocks::int from pg_stat_database where datname = current_database()`;
  const failures = processes.reduce((sum, { metrics }) => sum + metrics.leaseFailures + metrics.flushFailures, 0);
  console.info(`deadlocks ${row?.deadlocks}, ${admitted} admitted, ${refused} refused in ${lastsMs / 1_000} s`);
  return { deadlocks: row?.deadlocks ?? -1, failures, admitted, refused };
}

it("many sets of budgets at once never deadlock", async () => {
  const { deadlocks, failures, admitted, refused } = await runLoad(lastsMs);
  expect([deadlocks, failures]).toEqual([0, 0]);
  expect(admitted).toBeGreaterThan(1_000);
  expect(refused).toBeGreaterThan(0);
}, 120_000);

it("the check above sees locks that each process takes in an order of its own", async () => {
  expectPostgresLog(/deadlock detected/);
  // What waited for its locks for a second was given up, and may come after what was asked next.
  expectPostgresLog(/a later operation of this process was there already/);
  const order = "order by b.window_id for update";
  await plantFault(test.database.sql, "lease_budgets", order, "order by md5(b.window_id || p_process) for update");
  const { deadlocks } = await runLoad(6_000);
  expect(deadlocks).toBeGreaterThan(0);
}, 60_000);
