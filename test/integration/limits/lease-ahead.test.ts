import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LeaseProcess, makeWindow, openLeaseProcess } from "../../support/lease-processes.ts";
import { plantFault } from "../../support/plant-fault.ts";
import { findWindow } from "../../support/stored-windows.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";

let stores: TestDatabase;
let process: LeaseProcess;
const unit = 1_000_000n;
/** An eighth, shared among the three processes that a lease process takes for alive. */
const share = 24n;

beforeEach(async () => {
  stores = await openTestDatabase();
  process = await openLeaseProcess({ url: stores.url });
});
afterEach(async () => {
  await process.close();
  await stores.close();
});

/** The most that was lent at once of a budget with plenty, by calls that must ask for another one each time. */
async function findMostLent(limit: bigint): Promise<bigint> {
  const plenty = makeWindow(limit, { level: "owner", subject: "plenty" });
  const tight = makeWindow(20n * unit, { subject: "tight" });
  let most = 0n;
  for (let count = 0; count < 12; count++) {
    const hold = await process.budgets.reserve([plenty, tight], unit, unit);
    if (!hold.ok) throw new Error(hold.reason);
    const { leased } = await findWindow(stores.database.sql, plenty);
    if (leased > most) most = leased;
    await process.end(hold, 1n);
  }
  return most;
}

describe("a budget with plenty beside one that is tight", () => {
  const limit = 240n * unit;
  const bound = limit / share + unit;

  it("is not lent more of with each call: a process holds no more ahead than its part", async () => {
    const most = await findMostLent(limit);
    expect(most).toBeGreaterThanOrEqual(unit);
    expect(most).toBeLessThanOrEqual(bound);
  });

  it("the check above sees a process that is lent all that it asks for", async () => {
    await plantFault(stores.database.sql, "lease_budgets", "rest / p_share)", "rest)");
    expect(await findMostLent(limit)).toBeGreaterThan(bound);
  });
});
