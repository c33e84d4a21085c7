import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deleteBudgetProcess } from "../../../db/queries/budget-process.ts";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { leaseBudgets, openBudgetWindows } from "../../../db/queries/lease-budgets.ts";
import type { BudgetWindow } from "../../../server/core/budget-window.ts";
import type { BudgetHold } from "../../../server/limits/budget-hold.ts";
import { type LeaseProcess, makeWindow, openLeaseProcess } from "../../support/lease-processes.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { plantFault } from "../../support/plant-fault.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { findWindow } from "../../support/stored-windows.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { waitUntil } from "../../support/wait-until.ts";

let test: TestDatabase;
const opened: LeaseProcess[] = [];
const unit = 1_000_000n;
const sql = () => test.database.sql;

beforeEach(async () => {
  test = await openTestDatabase();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((process) => process.close()));
  await test.close();
});

async function openProcess(more: { surplus?: boolean; flushIntervalMs?: number } = {}): Promise<LeaseProcess> {
  const process = await openLeaseProcess({ url: test.url, ...more });
  opened.push(process);
  return process;
}

async function hold(process: LeaseProcess, window: BudgetWindow, amount: bigint): Promise<BudgetHold> {
  const outcome = await process.budgets.reserve([window], amount, amount);
  if (!outcome.ok) throw new Error(`refused: ${outcome.reason}`);
  return outcome;
}

/** The process `late` leases 10 units, tells of a call of 2 of them, and is ended from outside. */
async function endFromOutside(window: BudgetWindow, writeOff: boolean): Promise<bigint> {
  const { id, terms, startMs, endMs } = window;
  await openBudgetWindows(sql(), [{ ...terms, id, startMs, endMs }]);
  await sql()`insert into budget_process (process) values ('late')`;
  const amount = 10n * unit;
  await leaseBudgets(sql(), {
    process: "late",
    seq: 1,
    share: 8,
    notify: false,
    terms: [],
    returns: [],
    groups: [{ windows: [{ id, min: amount, all: amount, want: 0n }] }],
  });
  await tell(window, 2n * unit);
  return await deleteBudgetProcess(sql(), "late", writeOff);
}

/** The journal of `late` brings a call. */
async function tell({ id }: BudgetWindow, cost: bigint): Promise<void> {
  const event = makeUsageEvent(Date.now(), { costNanoUsd: cost, reservedNanoUsd: cost, budgetWindows: id });
  await insertUsageEvents(sql(), "late", [event]);
}

async function findWriteOff(): Promise<bigint> {
  const [row] = await sql()<{ sum: string }[]>`select coalesce(sum(amount_nano_usd), 0) as sum from budget_write_off`;
  return BigInt(row?.sum ?? 0);
}

describe("what comes late", () => {
  const freed = async () => {
    const window = makeWindow(100n * unit);
    expect(await endFromOutside(window, false)).toBe(8n * unit);
    expect(await findWindow(sql(), window)).toMatchObject({ settled: 2n * unit, leased: 0n });
    await tell(window, 3n * unit);
    return await findWindow(sql(), window);
  };

  it("a call of a process whose leases were freed is charged, and nothing is un-leased twice", async () => {
    expect(await freed()).toMatchObject({ settled: 5n * unit, leased: 0n });
  });

  it("the check above sees what is un-leased twice", async () => {
    expectPostgresLog(/violates check constraint "budget_window_leased_nano_usd_check"/);
    await plantFault(
      sql(),
      "settle_budgets",
      "case when v_is_leased then p_drawn[v_index] else 0 end",
      "p_drawn[v_index]",
    );
    await expect(freed()).rejects.toThrow("budget_window_leased_nano_usd_check");
  });

  it("the check above sees a late call that is not charged", async () => {
    const from = "+ p_cost[v_index] - v_written_off";
    await plantFault(sql(), "settle_budgets", from, "+ case when v_is_leased then p_cost[v_index] else 0 end");
    expect(await freed()).toMatchObject({ settled: 2n * unit });
  });

  const writtenOff = async () => {
    const window = makeWindow(100n * unit);
    expect(await endFromOutside(window, true)).toBe(8n * unit);
    const figures = [await findWriteOff(), (await findWindow(sql(), window)).settled];
    for (const cost of [3n, 4n, 5n]) {
      await tell(window, cost * unit);
      figures.push(await findWriteOff(), (await findWindow(sql(), window)).settled);
    }
    expect((await findWindow(sql(), window)).leased).toBe(0n);
    return figures.map((figure) => figure / unit);
  };
  // What is left of the write-off, and what is settled: after it, and after each call that is told. Only the last one, which
  // goes beyond what was written off, adds to what is settled.
  const chargedOnce = [8n, 10n, 5n, 10n, 1n, 10n, 0n, 14n];

  it("a call of a process that was written off is charged once: what was written off shrinks", async () => {
    expect(await writtenOff()).toEqual(chargedOnce);
  });

  it("the check above sees a write-off that does not shrink, and one that is not taken off", async () => {
    await plantFault(sql(), "settle_budgets", "o.amount_nano_usd - v_written_off", "o.amount_nano_usd");
    expect(await writtenOff()).not.toEqual(chargedOnce);
    await sql()`truncate budget_process, budget_lease, budget_window, budget_write_off`;
    await plantFault(sql(), "settle_budgets", "p_cost[v_index] - v_written_off", "p_cost[v_index]");
    expect(await writtenOff()).not.toEqual(chargedOnce);
  });
});

describe("what was not foreseen", () => {
  const debt = async () => {
    const process = await openProcess();
    const window = makeWindow(2n * unit, { subject: "debt" });
    await process.end(await hold(process, window, unit), 3n * unit);
    await process.flusher.flush();
    await waitUntil(async () => (await findWindow(sql(), window)).leased === 0n, "nothing stays leased", 3_000);
    return [(await findWindow(sql(), window)).settled, process.metrics.flushFailures];
  };

  it("a call that costs three times what was held is charged in full, beyond the limit", async () => {
    expect(await debt()).toEqual([3n * unit, 0]);
  });

  it("the check above sees a charge that is cut to what was held", async () => {
    await plantFault(sql(), "settle_budgets", "+ p_cost[v_index] - v_written_off", "+ p_drawn[v_index]");
    expect(await debt()).not.toEqual([3n * unit, 0]);
  });

  it("a call that ends after midnight is charged to the day in which it began", async () => {
    const process = await openProcess();
    const midnight = Date.UTC(2027, 0, 2);
    const before = makeWindow(10n * unit, { period: "day" }, midnight - 1);
    const after = makeWindow(10n * unit, { period: "day" }, midnight);
    expect(before.id).not.toBe(after.id);
    const late = await hold(process, before, 4n * unit);
    const early = await hold(process, after, unit);
    await process.end(early, unit);
    await process.end(late, 4n * unit);
    await process.flusher.flush();
    expect((await findWindow(sql(), before)).settled).toBe(4n * unit);
    expect((await findWindow(sql(), after)).settled).toBe(unit);
    const rows = await sql()`select budget_windows from usage_event order by budget_windows`;
    expect(rows.map((row) => row.budget_windows)).toEqual([before.id, after.id].sort());
  });

  it("a limit that is lowered below what is spent and lent ends lending, and breaks nothing that runs", async () => {
    const [holder, other] = [await openProcess(), await openProcess()];
    const window = makeWindow(100n * unit);
    const running = await hold(holder, window, 50n * unit);
    await holder.end(await hold(holder, window, 10n * unit), 10n * unit);
    await holder.flusher.flush();
    const lower = makeWindow(20n * unit, { version: 2 });
    expect(await other.budgets.reserve([lower], unit, unit)).toMatchObject({ ok: false });
    expect(await findWindow(sql(), window)).toMatchObject({ limit: 20n * unit, settled: 10n * unit });
    await holder.end(running, 50n * unit);
    await holder.flusher.flush();
    await waitUntil(async () => (await findWindow(sql(), window)).leased === 0n, "nothing stays leased");
    expect(await findWindow(sql(), window)).toMatchObject({ limit: 20n * unit, settled: 60n * unit });
    expect([holder.metrics.flushFailures, other.metrics.leaseFailures]).toEqual([0, 0]);
    expect(await holder.budgets.reserve([lower], 1n, 1n)).toMatchObject({ ok: false, reason: "exhausted" });
  });
});
