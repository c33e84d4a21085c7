import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type Cluster, endClusters, openCluster } from "../support/cluster.ts";
import { plantFault } from "../support/plant-fault.ts";
import { makeScriptedConfig } from "../support/scripted-models.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endClusters);

const isFull = process.env.TEST_TIER === "full";
const loadMs = isFull ? 300_000 : 15_000;
const keys = 50;

/** Each key, owner, customer and team has a budget, in overlapping sets, and all together have one. Batches come often. */
const config = (url: string): string =>
  makeScriptedConfig(
    url,
    `
[journal]
flush_interval_ms = 20

${[
  "",
  'scope = { owner_id = "tollgate::each" }',
  'scope = { tag_key = "customer", tag_value = "tollgate::each" }',
  'scope = { tag_key = "team", tag_value = "tollgate::each" }',
]
  .map((scope) => `[[budgets]]\nlimit_usd = 1_000\nperiod = "total"\n${scope}`)
  .join("\n")}
`,
  );

async function openSettling(cluster: Cluster) {
  const made = await Promise.all(
    Array.from({ length: keys }, (_, index) =>
      cluster.makeKey({
        ownerId: `owner-${index % 7}`,
        tags: { customer: `customer-${index % 5}`, team: `team-${index % 3}` },
        // Little enough that leases come and go all the time.
        budgets: [{ limitNanoUsd: index % 2 === 0 ? 20_000_000n : 1_000_000_000_000n, period: "total" }],
      }),
    ),
  );
  return cluster.openLoad({
    keys: made.map(({ text }) => text),
    concurrency: 24,
    models: [{ name: "quick", stream: "never" }],
  });
}

test(`three gateways settle and lease overlapping sets of ${keys + 16} windows for ${loadMs / 1_000} s: no deadlock; a planted one is found`, {
  timeout: loadMs + 180_000,
}, async () => {
  const cluster = await openCluster({ workers: 0, config });
  const { database, postgres } = cluster;
  const load = await openSettling(cluster);
  await sleep(loadMs);
  const [windows] = await database.sql<{ count: number }[]>`select count(*)::int from budget_window`;
  const calls = load.answered.length;
  console.info(`${calls} calls charged to ${windows?.count} windows without a deadlock`);
  expect(windows?.count).toBe(keys + 16);
  expect(calls).toBeGreaterThan(loadMs / 100);
  expect(postgres.listErrors()).toEqual([]);

  // Each process locks the same windows in an order of its own.
  const heal = await plantFault(
    database.sql,
    "settle_budgets",
    "= any (p_window) order by b.window_id for update;",
    "= any (p_window) order by md5(b.window_id || p_process) for update;",
  );
  const isDeadlocked = (): boolean => postgres.listErrors().some((entry) => entry.includes("deadlock detected"));
  await waitUntil(isDeadlocked, "a deadlock", 60_000);
  await heal();
  postgres.expectLog(/deadlock detected/);
  const { verdict } = await cluster.close();
  // Whoever was the victim has tried again.
  expect(verdict).toMatchObject({ missing: [], duplicate: [], wrong: [], overspent: [] });
});
