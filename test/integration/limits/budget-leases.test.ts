import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BudgetWindow } from "../../../server/core/budget-window.ts";
import type { BudgetHold, BudgetShortage } from "../../../server/limits/budget-hold.ts";
import { type LeaseProcess, makeWindow, openLeaseProcess } from "../../support/lease-processes.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { waitUntil } from "../../support/wait-until.ts";

let test: TestDatabase;
let processes: LeaseProcess[];
const unit = 1_000_000n;

beforeEach(async () => {
  test = await openTestDatabase();
  processes = await Promise.all(Array.from({ length: 3 }, () => openLeaseProcess({ url: test.url })));
});
afterEach(async () => {
  await Promise.all(processes.map((process) => process.close()));
  await test.close();
});

interface WindowRow {
  limit: bigint;
  settled: bigint;
  leased: bigint;
}

async function findWindow({ id }: BudgetWindow): Promise<WindowRow> {
  const [row] = await test.database
    .sql`select limit_nano_usd, settled_nano_usd, leased_nano_usd from budget_window where window_id = ${id}`;
  return {
    limit: BigInt(row?.limit_nano_usd),
    settled: BigInt(row?.settled_nano_usd),
    leased: BigInt(row?.leased_nano_usd),
  };
}

/** One call that takes `lastsMs` and costs `cost`. */
async function call(
  process: LeaseProcess,
  windows: readonly BudgetWindow[],
  { amount = unit, cost = amount, lastsMs = 5 }: { amount?: bigint; cost?: bigint; lastsMs?: number } = {},
): Promise<BudgetHold | BudgetShortage> {
  const outcome = await process.budgets.reserve(windows, amount, amount);
  if (!outcome.ok) return outcome;
  await sleep(lastsMs);
  await process.end(outcome, cost);
  return outcome;
}

describe("BudgetLeases", () => {
  it("admits exactly ten of a hundred at once over three processes, on a budget for ten that nobody used before", async () => {
    for (let round = 0; round < 10; round++) {
      const window = makeWindow(10n * unit, { subject: `round-${round}` });
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          call(processes[index % 3] as LeaseProcess, [window], { lastsMs: 30 }),
        ),
      );
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(10);
      for (const process of processes) await process.flusher.flush();
      expect(await findWindow(window)).toEqual({ limit: 10n * unit, settled: 10n * unit, leased: 0n });
    }
  });

  it("charges all windows of a call or none of them", async () => {
    const key = makeWindow(100n * unit);
    const owner = makeWindow(5n * unit, { level: "owner", subject: "somebody" });
    const deployment = makeWindow(50n * unit, { level: "deployment", subject: "" });
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) => call(processes[index % 3] as LeaseProcess, [key, owner, deployment])),
    );
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(5);
    for (const process of processes) await process.flusher.flush();
    await waitUntil(async () => (await findWindow(key)).leased === 0n, "nothing stays leased of the key's budget");
    await waitUntil(
      async () => (await findWindow(deployment)).leased === 0n,
      "nothing stays leased of the deployment's",
    );
    for (const window of [key, owner, deployment]) expect((await findWindow(window)).settled).toBe(5n * unit);
  });

  it("lets a serial client use 99 % of a budget, and fifty at once 90 % before the first refusal", async () => {
    const [first] = processes as [LeaseProcess];
    const serial = makeWindow(1_000n * unit, { subject: "serial" });
    let admitted = 0;
    while ((await call(first, [serial], { lastsMs: 0 })).ok) admitted++;
    expect(admitted).toBeGreaterThanOrEqual(990);
    expect(admitted).toBeLessThanOrEqual(1_000);

    const many = makeWindow(1_000n * unit, { subject: "many" });
    let before = 0;
    let isRefused = false;
    await Promise.all(
      Array.from({ length: 50 }, async (_, lane) => {
        while ((await call(processes[lane % 3] as LeaseProcess, [many], { lastsMs: 1 })).ok) if (!isRefused) before++;
        isRefused = true;
      }),
    );
    expect(before).toBeGreaterThanOrEqual(900);
    for (const process of processes) await process.flusher.flush();
    expect((await findWindow(many)).settled).toBeLessThanOrEqual(1_000n * unit);
  }, 120_000);

  it("asks PostgreSQL rarely while there is plenty, and for a used-up budget hardly at all", async () => {
    const [first] = processes as [LeaseProcess];
    const plenty = makeWindow(10_000_000n * unit, { subject: "plenty" });
    for (let index = 0; index < 2_000; index++) await call(first, [plenty], { lastsMs: 0 });
    expect(first.metrics.leaseStatements).toBeLessThan(60);
    const none = makeWindow(0n, { subject: "none" });
    const before = first.metrics.leaseStatements;
    for (let index = 0; index < 1_000; index++) expect((await call(first, [none])).ok).toBe(false);
    expect(first.metrics.leaseStatements - before).toBeLessThan(20);
  });

  it("gives less where the whole cannot be had, and refuses what is worth nothing", async () => {
    const [first, second] = processes as [LeaseProcess, LeaseProcess];
    const window = makeWindow(10n * unit);
    const hold = await first.budgets.reserve([window], unit, 7n * unit);
    expect(hold).toMatchObject({ ok: true, amount: 7n * unit });
    const smaller = await second.budgets.reserve([window], unit, 7n * unit);
    expect(smaller).toMatchObject({ ok: true, amount: 3n * unit });
    expect(await first.budgets.reserve([window], unit, 7n * unit)).toMatchObject({ ok: false, reason: "held" });
    if (hold.ok) await first.end(hold, 7n * unit);
    if (smaller.ok) await second.end(smaller, 3n * unit);
    await first.flusher.flush();
    await second.flusher.flush();
    await sleep(600);
    expect(await first.budgets.reserve([window], unit, 7n * unit)).toMatchObject({ ok: false, reason: "exhausted" });
  });

  it("lends nothing more after a call cost more than was held for it", async () => {
    const [first] = processes as [LeaseProcess];
    const window = makeWindow(100n * unit);
    await call(first, [window], { lastsMs: 0 });
    await call(first, [window], { cost: 200n * unit, lastsMs: 0 });
    expect(await call(first, [window])).toMatchObject({ ok: false, reason: "exhausted" });
    await first.flusher.flush();
    const row = await findWindow(window);
    expect(row.settled).toBe(201n * unit);
    expect(row.leased).toBeLessThan(unit);
  });

  it("takes a lower limit over from the next call on, and a higher one at once", async () => {
    const [first] = processes as [LeaseProcess];
    const window = makeWindow(1_000n * unit);
    await call(first, [window]);
    const lower = makeWindow(2n * unit, { version: 2 });
    expect((await call(first, [lower])).ok).toBe(true);
    expect((await call(first, [lower])).ok).toBe(false);
    // Somebody who still has the old terms cannot bring them back.
    expect((await call(processes[1] as LeaseProcess, [window])).ok).toBe(false);
    expect((await findWindow(window)).limit).toBe(2n * unit);
    expect((await call(first, [makeWindow(3n * unit, { version: 3 })])).ok).toBe(true);
  });

  it("hears that another process is in need and gives back what it does not use", async () => {
    const [holder, needy] = processes as [LeaseProcess, LeaseProcess];
    const window = makeWindow(800n * unit);
    // It takes a large lease while plenty is left, and then uses it now and then.
    await call(holder, [window], { lastsMs: 0 });
    let admitted = 1;
    let isOver = false;
    const trickle = (async () => {
      while (!isOver) {
        await sleep(300);
        if (!isOver && (await call(holder, [window], { lastsMs: 0 })).ok) admitted++;
      }
    })();
    for (let refusals = 0; refusals < 3; ) {
      if ((await call(needy, [window], { lastsMs: 0 })).ok) admitted++;
      else refusals++;
    }
    isOver = true;
    await trickle;
    expect(admitted).toBeGreaterThanOrEqual(798);
    expect(admitted).toBeLessThanOrEqual(800);
  });
});
