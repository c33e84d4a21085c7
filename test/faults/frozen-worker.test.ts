import { afterEach, describe, expect, test } from "vitest";
import { insertSeedEvents } from "../../scripts/seed/insert-seed-events.ts";
import { makeSeedEvents } from "../../scripts/seed/make-seed-events.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { handleMergeRollups } from "../../workers/jobs/merge-rollups.ts";
import type { JobTools } from "../../workers/registry.ts";
import { type Cluster, endClusters, openCluster } from "../support/cluster.ts";
import type { ClusterMember } from "../support/cluster-member.ts";
import { findRedisLane } from "../support/redis-server.ts";
import { findRollupDifferences } from "../support/rollup-laws.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { waitUntil } from "../support/wait-until.ts";

/**
 * BARS.md G4: a worker that is stopped (SIGSTOP) in the middle of a merge, for longer than its lock on the job lasts, so that
 * another runs the job a second time; then it wakes. Takes a minute of waiting for real locks: in the full tier.
 */
const isFull = process.env.TEST_TIER === "full";
if (!isFull) recordSkip("frozen-worker", "in the full tier");
const stores = [...(findRedisLane() ? ["Redis"] : []), "PostgreSQL"];
const dayMs = 86_400_000;
const today = Math.floor(Date.now() / dayMs) * dayMs;

afterEach(endClusters);

async function addEvents(cluster: Cluster, seed: number, events: number): Promise<void> {
  const shape = { seed, events, keys: 50, models: 5, days: 3, firstDayMs: today - 4 * dayMs };
  await insertSeedEvents(cluster.database, makeSeedEvents(shape));
}

async function countUnmerged(cluster: Cluster): Promise<number> {
  const [row] = await cluster.database.sql<{ n: number }[]>`
    select count(*)::int as n from usage_part where merged_at is null`;
  return row?.n ?? -1;
}

/** Stops a worker in the middle of a merge: its statement waits for a table that the test has locked. */
async function freezeInMerge(cluster: Cluster, worker: ClusterMember): Promise<void> {
  await cluster.database.sql.begin(async (transaction) => {
    await transaction`lock table usage_hour in share mode`;
    await waitUntil(
      async () => {
        const rows = await transaction`
          select from pg_locks l join pg_class c on c.oid = l.relation
          where c.relname like 'usage_hour%' and not l.granted and l.database = (select oid from pg_database where datname = current_database())`;
        return rows.length > 0;
      },
      "a merge waits",
      30_000,
    );
    worker.freeze();
  });
}

const tools = (cluster: Cluster) =>
  ({
    context: { database: cluster.database, metrics: { observeRollupLag: () => undefined } },
    logger: openLogger({ level: "silent", pretty: false, access: false }),
    signal: new AbortController().signal,
    updateProgress: async () => undefined,
  }) as unknown as JobTools;

describe.skipIf(!isFull).each(stores)("queues in %s", (store) => {
  test("a merge of a worker that sleeps past its lock is done by another, and once", { timeout: 240_000 }, async () => {
    const cluster = await openCluster({ gateways: 0, workers: 2, redis: store === "Redis" });
    // BullMQ's own word for a run that another has taken up, where its store is PostgreSQL.
    cluster.postgres.expectLog(/bullmq: job repeat:\S+ lock mismatch/);
    const [first, second] = cluster.workers as [ClusterMember, ClusterMember];
    await second.kill();
    await addEvents(cluster, 1, 20_000);
    await freezeInMerge(cluster, first);
    expect(await countUnmerged(cluster)).toBeGreaterThan(0);

    await second.start();
    await waitUntil(() => second.process.output().includes("taken up again"), "the job is taken up again", 60_000);
    await waitUntil(async () => (await countUnmerged(cluster)) === 0, "the other merges all", 60_000);

    first.thaw();
    // What it was in the middle of was undone, and is told; it works on.
    await waitUntil(() => first.process.output().includes("Job failed, is tried again"), "it hears of it", 60_000);
    await second.kill();
    await addEvents(cluster, 2, 5_000);
    await waitUntil(async () => (await countUnmerged(cluster)) === 0, "it merges again", 60_000);
    expect(await first.process.stop()).toMatchObject({ code: 0 });

    await handleMergeRollups(tools(cluster));
    expect(await findRollupDifferences(cluster.database.sql)).toEqual({ differences: [], compared: 23 });
    expect(cluster.postgres.listErrors()).toEqual([]);
  });
});
