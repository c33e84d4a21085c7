import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type Cluster, endClusters, openCluster } from "../support/cluster.ts";
import type { ClusterMember } from "../support/cluster-member.ts";
import type { TestKey } from "../support/insert-test-key.ts";
import { exactNanoUsd, exactTokens, makeScriptedConfig } from "../support/scripted-models.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endClusters);

const isFull = process.env.TEST_TIER === "full";
/** The default is a minute. */
const graceSeconds = isFull ? 60 : 9;
const exact = { model: "exact", max_tokens: exactTokens, messages: [{ role: "user", content: "one" }] };
const graceConfig = (url: string): string => makeScriptedConfig(url, `[gateway]\ngrace_seconds = ${graceSeconds}\n`);

/** The codes that all gateways answer, each `times` times; `""`: served. */
async function listCodes(cluster: Cluster, key: TestKey, times: number): Promise<string[]> {
  const plan = Array.from({ length: times }, (_, round) =>
    cluster.gateways.map((gateway) => ({ gateway, key, body: exact, delayMs: round * 20 })),
  ).flat();
  const answers = await cluster.callAll(plan);
  return answers.map(({ status, code }) => (status === 200 ? "" : `${status} ${code}`));
}

const makeBudgetedKey = (cluster: Cluster, calls: number): Promise<TestKey> =>
  cluster.makeKey({ budgets: [{ limitNanoUsd: exactNanoUsd * BigInt(calls), period: "total" }] });

/** Milliseconds until every gateway lends again to a key that keeps nothing ahead. */
async function measureReturn(cluster: Cluster, key: TestKey, fromMs: number): Promise<number> {
  const serves = async (gateway: ClusterMember): Promise<void> => {
    await waitUntil(
      async () => (await cluster.callAll([{ gateway, key, body: exact }]))[0]?.status === 200,
      "a gateway lends again",
      30_000,
    );
  };
  for (const gateway of cluster.gateways) await serves(gateway);
  return performance.now() - fromMs;
}

async function findLeased(cluster: Cluster, key: TestKey): Promise<bigint> {
  const [row] = await cluster.database.sql<{ leased: string }[]>`
    select leased_nano_usd as leased from budget_window where subject = ${key.publicId}`;
  return BigInt(row?.leased ?? 0);
}

/** Settled in all of the budgets, and held, of some keys. */
async function listTotals(cluster: Cluster, keys: readonly TestKey[]): Promise<Record<string, string>[]> {
  const rows = await cluster.database.sql<{ subject: string; settled: string; events: string }[]>`
    select subject, settled_nano_usd as settled,
      (select coalesce(sum(cost_nano_usd), 0) from usage_event e where e.public_id = w.subject) as events
    from budget_window w where subject = any(${keys.map(({ publicId }) => publicId)}) order by subject`;
  return rows.map((row) => ({ ...row }));
}

test("PostgreSQL away: what is lent is spent for the grace, what is not is 503, and all of it is stored once", {
  timeout: 240_000,
}, async () => {
  const cluster = await openCluster({ postgres: "private", workers: 0, config: graceConfig });
  const { postgres } = cluster;
  const free = await cluster.makeKey();
  const lent = await makeBudgetedKey(cluster, 100_000);
  // So little that a surplus goes back after half a second.
  const bare = await makeBudgetedKey(cluster, 200);
  for (const key of [free, lent, bare]) expect(new Set(await listCodes(cluster, key, 2))).toEqual(new Set([""]));
  await waitUntil(async () => (await findLeased(cluster, bare)) === 0n, "nothing is kept for the next call");

  await postgres.server?.stop();
  const stoppedMs = performance.now();
  let served = 0;
  let refused = 0;
  // Two heartbeats before its end, so that a slow machine is within it.
  while (performance.now() - stoppedMs < (graceSeconds - 5) * 1_000) {
    for (const key of [free, lent]) {
      const codes = await listCodes(cluster, key, 1);
      expect(codes).toEqual(["", "", ""]);
      served += codes.length;
    }
    const codes = await listCodes(cluster, bare, 1);
    expect(codes).toEqual(Array(3).fill("503 store_unavailable"));
    refused += codes.length;
    await sleep(isFull ? 5_000 : 1_000);
  }
  await sleep(stoppedMs + (graceSeconds + 3) * 1_000 - performance.now());
  for (const key of [free, lent, bare]) {
    expect(await listCodes(cluster, key, 1)).toEqual(Array(3).fill("503 store_unavailable"));
  }

  const startedMs = performance.now();
  await postgres.server?.start();
  const backMs = await measureReturn(cluster, bare, startedMs);
  console.info(
    `${served} calls within the grace, ${refused} without a lease refused; served ${Math.round(backMs)} ms after the start`,
  );
  expect(backMs).toBeLessThan(10_000);
  const { verdict, statuses } = await cluster.close();
  expect(served).toBeGreaterThan(10);
  expect(verdict).toMatchObject({ missing: [], duplicate: [], wrong: [], overspent: [], reserved: 0 });
  expect([...statuses.keys()].sort()).toEqual([200, 503]);
});

test("PostgreSQL crashes under load: served within 10 s without a manual step, and no total has changed", {
  timeout: 240_000,
}, async () => {
  const cluster = await openCluster({ postgres: "private", workers: 0, config: makeScriptedConfig });
  const { postgres } = cluster;
  cluster.postgres.expectLog(/duplicate key value violates unique constraint "usage_event_\d+_pkey"/);
  const quiet = await Promise.all([1_000, 100_000].map((calls) => makeBudgetedKey(cluster, calls)));
  for (const key of quiet) expect(new Set(await listCodes(cluster, key, 5))).toEqual(new Set([""]));
  const settled = String(15n * exactNanoUsd);
  const totals = quiet
    .map(({ publicId }) => ({ subject: publicId, settled, events: settled }))
    .sort((a, b) => (a.subject < b.subject ? -1 : 1));
  await waitUntil(
    async () => (await listTotals(cluster, quiet)).every((row) => row.settled === settled),
    "all is stored",
  );

  const busy = await makeBudgetedKey(cluster, 1_000_000);
  const bare = await makeBudgetedKey(cluster, 200);
  const load = cluster.openLoad({ keys: [busy.text], concurrency: 16, pauseMs: 50 });
  await waitUntil(() => load.answered.length > 50, "calls");
  let slowestMs = 0;
  for (const how of ["immediate", "kill", ...(isFull ? (["immediate", "kill"] as const) : [])] as const) {
    const crashedMs = performance.now();
    postgres.server?.crash(how);
    slowestMs = Math.max(slowestMs, await measureReturn(cluster, bare, crashedMs));
    // A call may be served by what was lent, before the test's own connection finds PostgreSQL back.
    let found: Record<string, string>[] = [];
    const look = async (): Promise<boolean> => {
      found = await listTotals(cluster, quiet).catch(() => []);
      return found.length > 0;
    };
    await waitUntil(look, "PostgreSQL answers the test", 10_000);
    expect(found).toEqual(totals);
    const before = load.answered.length;
    await waitUntil(() => load.answered.length > before + 50, "calls go on", 20_000);
  }
  console.info(`served ${Math.round(slowestMs)} ms after a crash at the latest`);
  expect(slowestMs).toBeLessThan(10_000);
  const { verdict, statuses } = await cluster.close();
  expect(verdict).toMatchObject({ missing: [], duplicate: [], wrong: [], overspent: [] });
  expect([...statuses.keys()].filter((status) => status < 500)).toEqual([200]);
});
