import { renameSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { updateSilentProcesses } from "../../db/queries/update-silent-processes.ts";
import { type Cluster, endClusters, openCluster } from "../support/cluster.ts";
import type { ClusterMember } from "../support/cluster-member.ts";
import { listLawBreaks } from "../support/ledger-laws.ts";
import { plantFault } from "../support/plant-fault.ts";
import {
  exactNanoUsd,
  exactTokens,
  makeScriptedConfig,
  plainModels,
  scriptedCalls,
} from "../support/scripted-models.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endClusters);

const isFull = process.env.TEST_TIER === "full";
const rounds = isFull ? 10 : 2;
const exact = { model: "exact", max_tokens: exactTokens, messages: [{ role: "user", content: "one" }] };
const models = scriptedCalls.filter(({ name }) => plainModels.has(name));

async function findLeased(cluster: Cluster): Promise<bigint> {
  const { sql } = cluster.database;
  const [row] = await sql<{ leased: string }[]>`select coalesce(sum(leased_nano_usd), 0) as leased from budget_window`;
  return BigInt(row?.leased ?? 0);
}

/** A minute of silence, and then the minute's job tells of the process. The quick tier waits for neither. */
async function waitForSilence(cluster: Cluster, name: string): Promise<void> {
  const { sql } = cluster.database;
  const [worker] = cluster.workers;
  if (worker !== undefined) {
    const isTold = (line: string): boolean => line.includes("lease_process_silent") && line.includes(name);
    await waitUntil(() => worker.process.output().split("\n").some(isTold), "the job tells of it", 150_000);
    return;
  }
  await sql`update budget_process set seen_at = now() - interval '2 minutes' where process = ${name}`;
  const told: string[] = [];
  await updateSilentProcesses(sql, 10, (silent) => told.push(...silent.map(({ process }) => process)));
  expect(told).toEqual([name]);
}

/** A recovery that forgets what it should free is found by the laws. Heals what it broke. */
async function findForgotten(cluster: Cluster): Promise<void> {
  const { sql } = cluster.database;
  const [gateway] = cluster.gateways as [ClusterMember];
  const heal = await plantFault(
    sql,
    "close_budget_process",
    "leased_nano_usd = b.leased_nano_usd - (l.amount_nano_usd - l.drawn_nano_usd)",
    "leased_nano_usd = b.leased_nano_usd",
  );
  const key = await cluster.makeKey({ budgets: [{ limitNanoUsd: 10n ** 11n, period: "total" }] });
  expect((await cluster.callAll([{ gateway, key, body: exact }]))[0]?.status).toBe(200);
  await gateway.kill();
  await gateway.start();
  await heal();
  expect(await listLawBreaks(sql)).toContainEqual(
    expect.stringMatching(`^\\d+ leased, but the leases hold 0 in the budget window key/${key.publicId}/`),
  );
  await sql`update budget_window set leased_nano_usd = 0 where subject = ${key.publicId}`;
}

test(`all gateways killed with leases, ${rounds} times: after a restart all of it is settled or free`, {
  timeout: 600_000,
}, async () => {
  const cluster = await openCluster({ workers: 0, config: makeScriptedConfig });
  cluster.postgres.expectLog(/duplicate key value violates unique constraint "usage_event_\d+_pkey"/);
  const { gateways } = cluster;
  const keys = await Promise.all(
    Array.from({ length: 4 }, () => cluster.makeKey({ budgets: [{ limitNanoUsd: 10n ** 11n, period: "total" }] })),
  );
  let slowestMs = 0;
  for (let round = 0; round < rounds; round++) {
    const load = cluster.openLoad({ keys: keys.map(({ text }) => text), concurrency: 16, pauseMs: 50, models });
    await waitUntil(() => load.answered.length > 40, "calls");
    await Promise.all(gateways.map((gateway) => gateway.kill()));
    await load.stop();
    expect(await findLeased(cluster)).toBeGreaterThan(0n);
    const startedMs = performance.now();
    await Promise.all(gateways.map((gateway) => gateway.start()));
    await waitUntil(async () => (await findLeased(cluster)) === 0n, "nothing is leased", 60_000);
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  console.info(
    `${rounds} times three gateways: nothing leased ${Math.round(slowestMs)} ms after the restart at the latest`,
  );
  await findForgotten(cluster);
  const { verdict } = await cluster.close();
  expect(verdict.reserved).toBeGreaterThan(0);
});

test("a data folder that never comes back: what it held stays held, is told of, and is written off by command", async () => {
  const cluster = await openCluster({ workers: isFull ? 1 : 0, config: makeScriptedConfig });
  const { sql } = cluster.database;
  const [lost, other] = cluster.gateways as [ClusterMember, ClusterMember];
  const worth = 1_000n;
  const key = await cluster.makeKey({ budgets: [{ limitNanoUsd: worth * exactNanoUsd, period: "total" }] });
  expect((await cluster.callAll([{ gateway: lost, key, body: exact }]))[0]?.status).toBe(200);
  // What it knows alone would be missing in the ledger for ever: it dies with a surplus, but with no call.
  await waitUntil(async () => (await sql`select from usage_event`).length === 1, "the call is stored");
  const [{ process: name = "" } = {}] = await sql<{ process: string }[]>`
    select process from budget_lease where amount_nano_usd > drawn_nano_usd`;
  await lost.kill();
  const held = await findLeased(cluster);
  expect(held).toBeGreaterThan(exactNanoUsd);
  const folder = join(lost.dataDir, "journal", name);
  renameSync(folder, join(lost.dataDir, "lost"));
  await lost.start();
  expect(await findLeased(cluster)).toBe(held);

  await waitForSilence(cluster, name);
  expect(await findLeased(cluster)).toBe(held);
  const done = await cluster.runCli(["budgets", "write-off", name, "--json"]);
  expect(done).toMatchObject({ code: 0, error: "" });
  expect(await findLeased(cluster)).toBe(0n);

  // The rest can be spent, to the last call that fits.
  const rest = (worth * exactNanoUsd - exactNanoUsd - held) / exactNanoUsd;
  const plan = Array.from({ length: Number(rest) + 20 }, () => ({ gateway: other, key, body: exact }));
  const answers = await cluster.callAll(plan);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(Number(rest));
  const { verdict } = await cluster.close();
  expect(verdict).toMatchObject({ missing: [], duplicate: [], wrong: [] });
});
