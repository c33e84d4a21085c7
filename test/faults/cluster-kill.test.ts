import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { endClusters, openCluster } from "../support/cluster.ts";
import type { ClusterMember } from "../support/cluster-member.ts";
import { findRedisLane } from "../support/redis-server.ts";
import { makeScriptedConfig, plainModels, sharedBudgets } from "../support/scripted-models.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endClusters);

const isFull = process.env.TEST_TIER === "full";
/** Of gateways; a worker goes with every tenth. */
const kills = isFull ? 200 : 20;
const callsMin = isFull ? 25_000 : 2_000;
const lanes = 24;

async function startAgain(member: ClusterMember): Promise<void> {
  await member.kill();
  await member.start();
}

test(`${kills} gateways of three killed under load: each dispatch has one row with its right charge`, {
  timeout: isFull ? 1_800_000 : 300_000,
}, async () => {
  const cluster = await openCluster({
    redis: findRedisLane(),
    config: (url) => makeScriptedConfig(url, sharedBudgets),
  });
  const { random, gateways, workers } = cluster;
  // A batch that was committed while its gateway died comes again from the journal, and only then.
  cluster.postgres.expectLog(/duplicate key value violates unique constraint "usage_event_\d+_pkey"/);
  const budgets = [{ limitNanoUsd: 100_000_000_000n, period: "total" as const }];
  const keys = await Promise.all(
    Array.from({ length: 8 }, (_, index) => cluster.makeKey({ budgets, ownerId: `owner-${index % 3}` })),
  );
  const load = cluster.openLoad({
    keys: keys.map(({ text }) => text),
    concurrency: lanes,
    pauseMs: isFull ? 150 : 250,
  });

  let inFlight = 0;
  let startedAgain = Promise.resolve();
  for (let kill = 0; kill < kills; kill++) {
    await waitUntil(() => load.counts.begun >= (callsMin / kills) * kill, "calls", 60_000);
    await sleep(random.integer(200));
    const gateway = gateways[kill % gateways.length] as ClusterMember;
    inFlight += load.inFlight;
    await gateway.kill();
    await startedAgain;
    if (kill % 10 === 0) await startAgain(random.pick(workers));
    // The next one is killed while this one starts.
    startedAgain = gateway.start();
  }
  await startedAgain;
  // Calls to a gateway that is down are begun too, and come to nothing.
  const isEnough = (): boolean => load.counts.begun >= callsMin && load.answered.length > callsMin / 2;
  await waitUntil(isEnough, "the last calls", 120_000);
  const { verdict, rows } = await cluster.close();

  expect(verdict).toMatchObject({ missing: [], duplicate: [], under: [], over: [], wrong: [] });
  // The test must have had something to find.
  expect(verdict.dispatched).toBeGreaterThan(callsMin / 2);
  expect(verdict.reserved).toBeGreaterThan(0);
  expect(verdict.reserved).toBeLessThanOrEqual(inFlight);
  expect(rows.filter((row) => plainModels.has(row.model) && row.usage_source === "estimated")).toEqual([]);
});
