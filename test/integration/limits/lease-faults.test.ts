import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deleteBudgetProcess } from "../../../db/queries/budget-process.ts";
import { type LeaseAsk, leaseBudgets } from "../../../db/queries/lease-budgets.ts";
import { type FaultProxy, openFaultProxy } from "../../support/fault-proxy.ts";
import { type LeaseProcess, makeWindow, openLeaseProcess } from "../../support/lease-processes.ts";
import { plantFault } from "../../support/plant-fault.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { findWindow } from "../../support/stored-windows.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { waitUntil } from "../../support/wait-until.ts";

let test: TestDatabase;
let proxy: FaultProxy;
const opened: LeaseProcess[] = [];
const unit = 1_000_000n;
const sql = () => test.database.sql;

beforeEach(async () => {
  test = await openTestDatabase();
  const { hostname, port } = new URL(test.url);
  proxy = await openFaultProxy({ host: hostname, port: Number(port) });
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((process) => process.close()));
  await proxy.close();
  await test.close();
});

async function openProcess(surplus: boolean): Promise<LeaseProcess> {
  const url = new URL(test.url);
  url.hostname = "127.0.0.1";
  url.port = String(proxy.port);
  const process = await openLeaseProcess({ url: url.href, surplus, hearsPressure: false });
  opened.push(process);
  return process;
}

describe("leases when the network fails", () => {
  it("what was lent in an answer that was lost is not lent twice, and can be used afterwards", async () => {
    const process = await openProcess(false);
    const window = makeWindow(10n * unit);
    // The window is known, and the statements are prepared.
    const first = await process.budgets.reserve([window], unit, unit);
    if (first.ok) first.release();
    await waitUntil(async () => (await findWindow(sql(), window)).leased === 0n, "all is given back");

    proxy.delay(200);
    const lost = process.budgets.reserve([window], 10n * unit, 10n * unit);
    await waitUntil(async () => (await findWindow(sql(), window)).leased === 10n * unit, "it is committed", 3_000);
    proxy.cut();
    proxy.resume();
    expect(await lost).toMatchObject({ ok: false, reason: "store" });

    let again = await process.budgets.reserve([window], 10n * unit, 10n * unit);
    await waitUntil(
      async () => {
        if (!again.ok) again = await process.budgets.reserve([window], 10n * unit, 10n * unit);
        return again.ok;
      },
      "what is lent here can be used",
      3_000,
    );
    expect((await findWindow(sql(), window)).leased).toBe(10n * unit);
    expect(await process.budgets.reserve([window], 1n, 1n)).toMatchObject({ ok: false });
    if (again.ok) await process.end(again, 4n * unit);
    await process.flusher.flush();
    await waitUntil(async () => (await findWindow(sql(), window)).leased === 0n, "the rest is given back", 3_000);
    expect((await findWindow(sql(), window)).settled).toBe(4n * unit);
  }, 20_000);

  const askLate = async () => {
    const window = makeWindow(100n * unit);
    const process = await openProcess(false);
    const first = await process.budgets.reserve([window], unit, unit);
    if (!first.ok) throw new Error("refused");
    const ask: LeaseAsk = {
      process: process.name,
      seq: 1_000,
      share: 8,
      notify: false,
      terms: [],
      returns: [],
      groups: [{ windows: [{ id: window.id, min: unit, all: unit, want: 0n }] }],
    };
    await leaseBudgets(sql(), ask);
    // Those that were sent before, and hung on the way.
    for (const seq of [999, 1_000]) {
      await expect(leaseBudgets(sql(), { ...ask, seq })).rejects.toMatchObject({ code: "TG002" });
    }
    expect((await findWindow(sql(), window)).leased).toBe(2n * unit);
    first.release();
  };

  it("an ask that arrives after a later one is refused and changes nothing", async () => {
    expectPostgresLog(/a later operation of this process was there already/);
    await askLate();
  });

  it("the check above sees an ask that is taken late", async () => {
    await plantFault(sql(), "lease_budgets", "and seq < p_seq", "");
    await expect(askLate()).rejects.toThrow(/\S/);
  });

  it("a process that was written off while it runs is refused, and ends", async () => {
    expectPostgresLog(/the process \S+ is closed/);
    const process = await openProcess(true);
    const window = makeWindow(100n * unit);
    const running = await process.budgets.reserve([window], unit, unit);
    expect(running.ok).toBe(true);
    const held = await deleteBudgetProcess(sql(), process.name, true);
    expect(held).toBeGreaterThanOrEqual(unit);
    const other = makeWindow(100n * unit, { subject: "other" });
    expect(await process.budgets.reserve([other], unit, unit)).toMatchObject({ ok: false, reason: "store" });
    expect(process.isWrittenOff()).toBe(true);
    expect(await findWindow(sql(), window)).toMatchObject({ settled: held, leased: 0n });
    // Its call still comes in, and is paid by what was written off.
    if (running.ok) await process.end(running, unit);
    await process.flusher.flush();
    expect(await findWindow(sql(), window)).toMatchObject({ settled: held, leased: 0n });
  });
});

describe("budget_surplus = false", () => {
  const findMost = async (surplus: boolean) => {
    const process = await openProcess(surplus);
    const window = makeWindow(100_000n * unit, { subject: `${surplus}` });
    let most = 0n;
    for (let index = 0; index < 20; index++) {
      const held = await process.budgets.reserve([window], unit, unit);
      if (!held.ok) throw new Error("refused");
      const { leased, settled } = await findWindow(sql(), window);
      // What ended, and is not stored yet, is leased too.
      const ended = BigInt(index) * unit - settled;
      if (leased - ended > most) most = leased - ended;
      await process.end(held, unit);
      await process.flusher.flush();
    }
    await sleep(50);
    return { most, left: (await findWindow(sql(), window)).leased };
  };

  it("holds what a call needs while it runs, and nothing ahead", async () => {
    expect(await findMost(false)).toEqual({ most: unit, left: 0n });
  });

  it("the check above sees a surplus", async () => {
    expect((await findMost(true)).most).toBeGreaterThan(unit);
  });
});
