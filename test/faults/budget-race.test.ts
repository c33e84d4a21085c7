import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, endClusters, openCluster } from "../support/cluster.ts";
import type { TestKey } from "../support/insert-test-key.ts";
import { plantFault } from "../support/plant-fault.ts";
import { exactNanoUsd, exactTokens, makeScriptedConfig } from "../support/scripted-models.ts";

const openOne = (): Promise<Cluster> => openCluster({ workers: 0, config: (url) => makeScriptedConfig(url, budgets) });

const isFull = process.env.TEST_TIER === "full";
const seeds = isFull ? 200 : 20;
const worth = 10;
const body = { model: "exact", max_tokens: exactTokens, messages: [{ role: "user", content: "one" }] };

interface RaceResult {
  admitted: number;
  refused: number;
  /** Anything else that was answered. */
  others: string[];
}

/** Key, owner, tag and deployment have a budget each. The last is for all calls of a cluster. */
const budgets = `
[[budgets]]
limit_usd = 1_000
period = "total"
`;

const makeKey = (cluster: Cluster, calls: number): Promise<TestKey> =>
  cluster.makeKey({ budgets: [{ limitNanoUsd: exactNanoUsd * BigInt(calls), period: "total" }] });

/** Calls with one key at once, each at a gateway of its own choice and within a few milliseconds. */
async function runRace(cluster: Cluster, key: TestKey, callers: number): Promise<RaceResult> {
  const { random, gateways } = cluster;
  const plan = Array.from({ length: callers }, () => ({
    gateway: random.pick(gateways),
    key,
    body,
    delayMs: random.integer(5),
  }));
  const result: RaceResult = { admitted: 0, refused: 0, others: [] };
  for (const { status, code } of await cluster.callAll(plan)) {
    if (status === 200) result.admitted++;
    else if (status === 429 && code === "budget_exceeded") result.refused++;
    else result.others.push(`${status} ${code}`);
  }
  return result;
}

/** Exactly so many as the budget is worth, and what was settled for them. */
async function expectExact(cluster: Cluster, key: TestKey, callers: number): Promise<void> {
  const admitted = Math.min(callers, worth);
  const result = await runRace(cluster, key, callers);
  expect(result).toEqual({ admitted, refused: callers - admitted, others: [] });
}

/** What a key was charged, and what all processes hold of its budget, once all that has ended is stored. */
async function findSpent(cluster: Cluster, key: TestKey): Promise<{ settled: bigint; leased: bigint }> {
  const { sql } = cluster.database;
  const [row] = await sql<{ settled: string; leased: string }[]>`
    select settled_nano_usd as settled, leased_nano_usd as leased from budget_window where subject = ${key.publicId}`;
  return { settled: BigInt(row?.settled ?? 0), leased: BigInt(row?.leased ?? 0) };
}

afterAll(endClusters);

describe("a budget that is worth exactly 10 calls, over three gateways", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await openOne();
  });

  it(`admits 10 of 100 callers at once, ${seeds} times, each with a key that was never used`, {
    timeout: 600_000,
  }, async () => {
    for (let seed = 0; seed < seeds; seed++) await expectExact(cluster, await makeKey(cluster, worth), 100);
  });

  it.each([1, 8, 1_000])("admits no more of %i", async (callers) => {
    await expectExact(cluster, await makeKey(cluster, worth), callers);
  });

  it("is what the books say", async () => {
    const key = await makeKey(cluster, worth);
    await expectExact(cluster, key, 100);
    const { statuses } = await cluster.close();
    expect([...statuses.keys()].sort()).toEqual([200, 429]);
  });
});

describe("the checks", () => {
  it("find money that is lent twice", async () => {
    const cluster = await openOne();
    const { sql } = cluster.database;
    await plantFault(sql, "lease_budgets", "- b.settled_nano_usd - b.leased_nano_usd", "- b.settled_nano_usd");
    const key = await makeKey(cluster, worth);
    const { admitted } = await runRace(cluster, key, 100);
    expect(admitted).toBeGreaterThan(worth);
    expect((await findSpent(cluster, key)).settled).toBeGreaterThanOrEqual(0n);
    const closing = cluster.close({ settleMs: 2_000 });
    await expect(closing).rejects.toThrow(`1 overspent: ${key.publicId}`);
    await expect(closing).rejects.toThrow(/\d+ used of 320000 in the budget window/);
  });
});
