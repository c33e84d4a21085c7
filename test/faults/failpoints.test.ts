import { afterEach, expect, test } from "vitest";
import { failpoints } from "../../server/platform/failpoint.ts";
import { endClusters, openCluster } from "../support/cluster.ts";
import type { ClusterMember } from "../support/cluster-member.ts";
import { makeScriptedConfig, plainModels, scriptedCalls, sharedBudgets } from "../support/scripted-models.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endClusters);

const isFull = process.env.TEST_TIER === "full";
const seeds = isFull ? 50 : 2;
/** Points that are passed once for many calls, or once for a start. */
const rare: ReadonlySet<string> = new Set(["lease-granted", "before-commit", "after-commit", "recovered-batch"]);

/** Passed by workers, not by gateways: `rollup-kill.test.ts` kills there. */
const upkeep: ReadonlySet<string> = new Set([
  "hours-added",
  "hours-committed",
  "refusals-added",
  "day-computed",
  "day-committed",
]);
const points = failpoints.filter((name) => !upkeep.has(name));

test(`SIGKILL at each failpoint, ${seeds} times: each dispatch has one row with its right charge`, {
  timeout: isFull ? 1_800_000 : 300_000,
}, async () => {
  const cluster = await openCluster({ workers: 0, config: (url) => makeScriptedConfig(url, sharedBudgets) });
  const { random, gateways } = cluster;
  // After a commit that its gateway did not live to hear of, the batch comes again from the journal.
  cluster.postgres.expectLog(/duplicate key value violates unique constraint "usage_event_\d+_pkey"/);
  // Each death leaves calls that are charged all that was reserved for them: a fifth of a dollar, by and large.
  const budgets = [{ limitNanoUsd: 450_000_000_000n, period: "total" as const }];
  const key = await cluster.makeKey({ budgets, ownerId: "owner" });
  const load = cluster.openLoad({
    keys: [key.text],
    concurrency: 24,
    pauseMs: 100,
    models: scriptedCalls.filter(({ name }) => plainModels.has(name)),
  });

  const plan = Array.from({ length: seeds }, () => points).flat();
  const died: string[] = [];
  const run = async (gateway: ClusterMember): Promise<void> => {
    await gateway.kill();
    // Each start recovers what the death before it left.
    for (let name = plan.shift(); name !== undefined; name = plan.shift()) {
      const nth = 1 + random.integer(rare.has(name) ? 1 : 20);
      await gateway.start({ failpoint: `${name}:${nth}` });
      await waitUntil(() => !gateway.process.isRunning(), `${name}:${nth}`, 30_000).catch((error: Error) => {
        const answers = JSON.stringify(Object.fromEntries(load.statuses));
        const said = gateway.process.output().slice(-3_000);
        throw new Error(`${error.message}; answers so far ${answers}; it said:\n${said}`, { cause: error });
      });
      expect(await gateway.process.ended).toEqual({ code: null, signal: "SIGKILL" });
      died.push(name);
    }
    await gateway.start();
  };
  await Promise.all(gateways.map(run));
  const { verdict, rows } = await cluster.close();

  expect(died.sort()).toEqual(
    Array.from({ length: seeds }, () => points)
      .flat()
      .sort(),
  );
  expect(verdict).toMatchObject({ missing: [], duplicate: [], under: [], over: [], wrong: [] });
  expect(verdict.dispatched).toBeGreaterThan(died.length * 10);
  // Some died between the record of a call and the call itself.
  expect(verdict.undispatched).toBeGreaterThan(0);
  expect(rows.filter((row) => row.usage_source === "estimated")).toEqual([]);
  expect(load.counts.begun).toBeGreaterThan(0);
  // Where the budget is used up, nothing is sent, and no point is reached.
  expect(load.statuses.get(429)).toBeUndefined();
});
