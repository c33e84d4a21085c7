import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KnownKey } from "../../../server/keys/known-key.ts";
import { findBudgets } from "../../../server/proxy/find-budgets.ts";
import { makeBudgetedKey } from "../../support/budgeted-key.ts";
import { type LeaseProcess, openLeaseProcess } from "../../support/lease-processes.ts";
import { type MovedClock, openMovedClock } from "../../support/moved-clock.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";

const isFull = process.env.TEST_TIER === "full";
/** Keys with a budget for the day, of which all are used on both sides of midnight. */
const activeKeys = isFull ? 10_000 : 1_000;
/** By then what was left of yesterday has gone back, all of it at once: who has plenty is looked at every ten seconds. */
const giveBackMs = 11_500;
const processCount = 3;
const unit = 1_000_000n;
const midnightMs = Date.UTC(2027, 0, 1);
const noRules = { version: 0, findBudgets: () => [] };

let stores: TestDatabase;
let clock: MovedClock;
let processes: LeaseProcess[];
beforeEach(async () => {
  stores = await openTestDatabase();
  clock = openMovedClock(midnightMs - 3_600_000);
});
afterEach(async () => {
  await Promise.all(processes.map((process) => process.close()));
  await stores.close();
});

interface HerdOptions {
  active: number;
  /** Keys of which nobody hears after midnight. */
  idle: number;
  surplus: boolean;
  /** The planted fault: twice for each key, and each call asks by itself. */
  isOneByOne: boolean;
}

interface HerdFigures {
  statements: number;
  opened: number;
  refused: number;
  /** Statements that failed. */
  failures: number;
  settled: bigint;
  /** What is still lent of yesterday. */
  leasedBefore: bigint;
  p50Ms: number;
  p99Ms: number;
}

async function sumWindows(startMs: number): Promise<{ count: number; settled: bigint; leased: bigint }> {
  const [row] = await stores.database.sql<{ count: string; settled: string; leased: string }[]>`
    select count(*), coalesce(sum(settled_nano_usd), 0) as settled, coalesce(sum(leased_nano_usd), 0) as leased
    from budget_window where starts_at = ${new Date(startMs).toISOString()}`;
  return { count: Number(row?.count), settled: BigInt(row?.settled ?? 0), leased: BigInt(row?.leased ?? 0) };
}

/** All keys are used before midnight, and those that stay active at once when it has struck. */
async function runHerd({ active, idle, surplus, isOneByOne }: HerdOptions): Promise<HerdFigures> {
  processes = await Promise.all(
    Array.from({ length: processCount }, () => openLeaseProcess({ url: stores.url, clock, surplus })),
  );
  const keys: KnownKey[] = Array.from({ length: active + idle }, (_, index) =>
    makeBudgetedKey(
      `herd${String(index).padStart(8, "0")}`,
      [{ limitNanoUsd: 1_000n * unit, period: "day" }],
      new Date(0),
    ),
  );
  const latencies: number[] = [];
  let refused = 0;
  const call = async (key: KnownKey, index: number): Promise<void> => {
    const process = processes[index % processCount] as LeaseProcess;
    const beganMs = performance.now();
    const hold = await process.budgets.reserve(findBudgets(key, noRules, clock.nowMs()), unit, unit);
    latencies.push(performance.now() - beganMs);
    if (hold.ok) await process.end(hold, unit);
    else refused++;
  };
  await Promise.all(keys.map(call));
  await Promise.all(processes.map(({ flusher }) => flusher.flush()));
  expect(refused).toBe(0);
  latencies.length = 0;
  const countStatements = () => processes.reduce((sum, { metrics }) => sum + metrics.leaseStatements, 0);
  const before = countStatements();

  clock.setMs(midnightMs);
  const herd = keys.slice(0, active);
  if (isOneByOne) for (const [index, key] of [...herd, ...herd].entries()) await call(key, index);
  else await Promise.all(herd.map(call));
  await Promise.all(processes.map(({ flusher }) => flusher.flush()));
  if (isFull && !isOneByOne) await sleep(giveBackMs);
  const statements = countStatements() - before;
  const { count, settled } = await sumWindows(midnightMs);
  const { leased: leasedBefore } = await sumWindows(midnightMs - 86_400_000);
  const failures = processes.reduce((sum, { metrics }) => sum + metrics.leaseFailures, 0);
  latencies.sort((a, b) => a - b);
  const [p50Ms, p99Ms] = [0.5, 0.99].map((share) => Math.round(latencies[Math.floor(latencies.length * share)] ?? 0));
  const sums = { statements, opened: count, refused, failures, settled, leasedBefore };
  return { ...sums, p50Ms: p50Ms as number, p99Ms: p99Ms as number };
}

describe("budgets of many keys that end at one instant", () => {
  it("cost fewer statements than there are active keys, and a window for each of those", async () => {
    const figures = await runHerd({ active: activeKeys, idle: activeKeys / 10, surplus: true, isOneByOne: false });
    const { statements, p50Ms, p99Ms } = figures;
    console.info(`${activeKeys} keys: ${statements} lease statements, a lease after p50 ${p50Ms} ms, p99 ${p99Ms} ms`);
    expect(figures).toMatchObject({ opened: activeKeys, refused: 0, failures: 0, settled: BigInt(activeKeys) * unit });
    expect(isFull ? figures.leasedBefore : 0n).toBe(0n);
    expect(statements).toBeGreaterThan(0);
    expect(statements).toBeLessThanOrEqual(activeKeys);
  }, 120_000);

  it("the check above sees calls that ask one by one", async () => {
    const { statements } = await runHerd({ active: 50, idle: 0, surplus: false, isOneByOne: true });
    expect(statements).toBeGreaterThan(50);
  });
});
