import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type AdminHarness, openAdminHarness } from "../support/admin-harness.ts";
import { findRedisLane, openRedisServer } from "../support/redis-server.ts";
import { waitUntil } from "../support/wait-until.ts";
import { makeTestJob, openWorkerHarness, type WorkerHarness } from "../support/worker-harness.ts";

let admin: AdminHarness;
let worker: WorkerHarness | null = null;
beforeAll(async () => {
  admin = await openAdminHarness();
});
afterEach(async () => {
  await worker?.stop();
  worker = null;
  await admin.test.database.sql`delete from job_state`;
});
afterAll(() => admin.close());

async function findJob(job: string) {
  return (await admin.system.jobs.list({})).jobs.find((each) => each.job === job);
}

const backends = findRedisLane() ? (["postgres", "redis"] as const) : (["postgres"] as const);
/** Never by itself while a test lasts. */
const schedule = "0 0 1 1 *";

describe("jobs, as a gateway that runs none of them tells of them", () => {
  test("have a schedule and a next run before they ever ran", async () => {
    worker = openWorkerHarness({ databaseUrl: admin.test.url, redisUrl: null }, [
      makeTestJob("test-yearly", async () => ({ done: 1 }), { schedule }),
    ]);
    await waitUntil(async () => (await findJob("test-yearly"))?.next_run_at != null, "the next run is told", 30_000);
    const job = await findJob("test-yearly");
    expect(job).toMatchObject({ queue: "upkeep", schedule, state: "idle", runs: 0, outcome: null, late_ms: 0 });
    expect(job?.next_run_at).toMatch(/-01-01T00:00:00\.000Z$/);
  });

  test("run when they are asked to, with progress, and tell how it went", async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    worker = openWorkerHarness({ databaseUrl: admin.test.url, redisUrl: null }, [
      makeTestJob(
        "test-asked",
        async ({ updateProgress }) => {
          await updateProgress(40);
          await gate;
          return { rows: 7 };
        },
        { schedule },
      ),
    ]);
    await worker.workers.ready;
    await waitUntil(async () => (await findJob("test-asked")) !== undefined, "the job is known", 30_000);
    expect(await admin.system.jobs.run({ job: "test-asked" })).toMatchObject({
      state: "requested",
      requested_by: "system",
    });
    await expect(admin.system.jobs.run({ job: "test-asked" })).rejects.toThrow(/asked for already|taken/);
    await waitUntil(async () => (await findJob("test-asked"))?.progress === 40, "it runs", 30_000);
    // Whoever takes the request up forgets it once the queue has the job, which can be running by then.
    await waitUntil(async () => (await findJob("test-asked"))?.requested_at === null, "nobody asks any more", 30_000);
    expect(await findJob("test-asked")).toMatchObject({ state: "running", runs: 1 });
    go();
    await waitUntil(async () => (await findJob("test-asked"))?.state === "idle", "it ends", 30_000);
    expect(await findJob("test-asked")).toMatchObject({
      outcome: "completed",
      result: { rows: 7 },
      progress: 100,
      duration_ms: expect.any(Number),
      lag_ms: expect.any(Number),
      failures: 0,
    });
  });

  test("that fail say why, and count it", async () => {
    worker = openWorkerHarness({ databaseUrl: admin.test.url, redisUrl: null }, [
      makeTestJob("test-failing", () => Promise.reject(new Error("the disk is full")), { schedule, attemptsMax: 1 }),
    ]);
    await worker.workers.ready;
    await waitUntil(async () => (await findJob("test-failing")) !== undefined, "the job is known", 30_000);
    await admin.system.jobs.run({ job: "test-failing" });
    await waitUntil(async () => (await findJob("test-failing"))?.outcome === "failed", "it fails", 30_000);
    expect(await findJob("test-failing")).toMatchObject({ error: "the disk is full", failures: 1, runs: 1 });
  });

  test.each(backends)("are asked for in the same way where their queue is in %s", async (backend) => {
    const redis = backend === "redis" ? await openRedisServer() : null;
    try {
      const stores = { databaseUrl: admin.test.url, redisUrl: redis?.url ?? null };
      worker = openWorkerHarness(stores, [makeTestJob("test-queue", async () => ({ done: 1 }), { schedule })]);
      await worker.workers.ready;
      await waitUntil(async () => (await findJob("test-queue")) !== undefined, "the job is known", 30_000);
      await admin.system.jobs.run({ job: "test-queue" });
      await waitUntil(
        async () => {
          const job = await findJob("test-queue");
          return job?.outcome === "completed" && job.requested_at === null;
        },
        "it runs, and nobody asks for it any more",
        30_000,
      );
      expect(await findJob("test-queue")).toMatchObject({ result: { done: 1 }, runs: 1 });
    } finally {
      await worker?.stop();
      worker = null;
      await redis?.stop();
    }
  });

  test("that nobody knows are not found", async () => {
    await expect(admin.system.jobs.run({ job: "no-such-job" })).rejects.toThrow("Not found.");
  });
});
