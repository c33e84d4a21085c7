import { afterAll, beforeAll, expect, it } from "vitest";
import { deleteBudgetProcess } from "../../../db/queries/budget-process.ts";
import { findLockedBudgetWindow, updateBudgetWindow } from "../../../db/queries/update-budget-window.ts";
import { deleteDrawnLeases } from "../../../db/queries/update-ended-windows.ts";
import { type LeaseProcess, makeWindow, openLeaseProcess } from "../../support/lease-processes.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";

const lastsMs = (process.env.TEST_TIER === "full" ? 60 : 20) * 1_000;
const unit = 1_000_000n;
let test: TestDatabase;
let processes: LeaseProcess[];

beforeAll(async () => {
  test = await openTestDatabase();
  processes = await Promise.all(Array.from({ length: 3 }, () => openLeaseProcess({ url: test.url })));
});
afterAll(async () => {
  await Promise.all(processes.map((one) => one.close()));
  await test.close();
});

it("three processes on overlapping sets of ten budgets, top-ups and jobs never deadlock", async () => {
  const { sql } = test.database;
  const random = makeSeededRandom();
  // Scarce, so that asking, giving back and flushing go on all the time.
  const windows = Array.from({ length: 20 }, (_, index) => makeWindow(40n * unit, { subject: `w${index}` }));
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
    for (let index = 0; performance.now() < endMs; index++) {
      const { id } = windows[index % windows.length] as (typeof windows)[number];
      await sql.begin(async (transaction) => {
        const window = await findLockedBudgetWindow(transaction, id);
        if (window !== null) await updateBudgetWindow(transaction, id, window.extraNanoUsd + 20n * unit);
      });
      await deleteDrawnLeases(sql, 100);
      await deleteBudgetProcess(sql, `nobody-${index}`, true);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  await Promise.all([...callers, admin]);
  const [row] = await sql<{ deadlocks: number }[]>`
    select deadlocks::int from pg_stat_database where datname = current_database()`;
  const failures = processes.map(({ metrics }) => [metrics.leaseFailures, metrics.flushFailures]);
  console.info(`deadlocks ${row?.deadlocks}, ${admitted} admitted, ${refused} refused in ${lastsMs / 1_000} s`);
  expect([row?.deadlocks, ...failures.flat()]).toEqual([0, 0, 0, 0, 0, 0, 0]);
  expect(admitted).toBeGreaterThan(1_000);
  expect(refused).toBeGreaterThan(0);
}, 120_000);
