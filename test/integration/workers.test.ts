import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { AppError } from "../../server/core/error.ts";
import { findRedisLane, openRedisServer, type RedisServer } from "../support/redis-server.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { makeTestJob, openWorkerHarness, type WorkerHarness } from "../support/worker-harness.ts";

const withRedis = findRedisLane();
let redis: RedisServer | null = null;
let redisDatabases = 0;
beforeAll(async () => {
  if (withRedis) redis = await openRedisServer();
});
afterAll(() => redis?.stop());

const never = "0 0 1 1 *";
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Each test has stores of its own; workers opened with the same ones share their queues. */
async function openStores(backend: "postgres" | "redis") {
  const database: TestDatabase = await openTestDatabase();
  closing.push(database.close);
  const redisUrl = backend === "redis" ? `${redis?.url}/${redisDatabases++}` : null;
  return (definitions: Parameters<typeof openWorkerHarness>[1]): WorkerHarness => {
    const harness = openWorkerHarness({ databaseUrl: database.url, redisUrl }, definitions);
    closing.push(() => harness.stop());
    return harness;
  };
}

const backends = withRedis ? (["postgres", "redis"] as const) : (["postgres"] as const);
describe.each(backends)("workers on %s", (backend) => {
  test("run a job on its schedule, once each, and say what it did", async () => {
    const open = await openStores(backend);
    const slots: string[] = [];
    const job = makeTestJob("tick", async () => {
      slots.push(new Date().toISOString().slice(0, 19));
      return { ticks: 1 };
    });
    // Two processes share one schedule.
    const first = open([job]);
    const second = open([job]);
    await Promise.all([first.workers.ready, second.workers.ready]);
    await vi.waitFor(() => expect(slots.length).toBeGreaterThanOrEqual(4), { timeout: 10_000 });
    expect(new Set(slots).size).toBe(slots.length);
    expect(first.workers.isUp()).toBe(true);
    const seen = [...first.observations, ...second.observations];
    expect(seen[0]).toMatchObject({ job: "tick", outcome: "completed" });
    expect(Math.max(...seen.map(({ lagMs }) => lagMs))).toBeLessThan(2_000);
    expect([...first.lines, ...second.lines].some(({ msg, ticks }) => msg === "Job completed" && ticks === 1)).toBe(
      true,
    );
  });

  test("try again after a failure, in bounds, and then give up", async () => {
    const open = await openStores(backend);
    const attempts: number[] = [];
    const job = makeTestJob(
      "fails",
      async () => {
        attempts.push(performance.now());
        throw new Error("connect postgres://tollgate:hunter22@db/x refused");
      },
      { schedule: everyMinuteSoon() },
    );
    const harness = open([job]);
    await vi.waitFor(() => expect(harness.observations).toHaveLength(3), { timeout: 20_000 });
    expect(harness.observations.map(({ outcome }) => outcome)).toEqual(["retried", "retried", "failed"]);
    const [firstAt = 0, secondAt = 0, thirdAt = 0] = attempts;
    expect(secondAt - firstAt).toBeGreaterThan(700);
    expect(thirdAt - secondAt).toBeGreaterThan(1_400);
    expect(JSON.stringify(harness.lines)).not.toContain("hunter22");
    expect(harness.lines.filter(({ msg }) => msg === "Job failed").map(({ level }) => level)).toEqual(["error"]);
  });

  test("do not try again what is refused", async () => {
    const open = await openStores(backend);
    const job = makeTestJob("refused", () => Promise.reject(new AppError("not_found")), {
      schedule: everyMinuteSoon(),
    });
    const harness = open([job]);
    await vi.waitFor(() => expect(harness.observations).toHaveLength(1), { timeout: 10_000 });
    await sleep(2_000);
    expect(harness.observations.map(({ outcome }) => outcome)).toEqual(["failed"]);
  });

  test("let a running job end when they stop", async () => {
    const open = await openStores(backend);
    let began = 0;
    let ended = 0;
    const job = makeTestJob("short", async () => {
      began += 1;
      await sleep(800);
      ended += 1;
      return { done: 1 };
    });
    const harness = open([job]);
    await vi.waitFor(() => expect(began).toBe(1), { timeout: 10_000, interval: 5 });
    await harness.stop(5_000);
    expect(ended).toBe(began);
    expect(harness.observations.every(({ outcome }) => outcome === "completed")).toBe(true);
  });

  test("return a job that would take too long, and another process takes it at once: nothing stalls", async () => {
    const open = await openStores(backend);
    let began = 0;
    const long = makeTestJob(
      "long",
      async ({ signal }) => {
        began += 1;
        await sleep(60_000, undefined, { signal });
        return {};
      },
      { schedule: everyMinuteSoon(), attemptsMax: 1 },
    );
    const first = open([long]);
    await vi.waitFor(() => expect(began).toBe(1), { timeout: 10_000, interval: 5 });
    const stoppedAt = performance.now();
    await first.stop(300);
    expect(performance.now() - stoppedAt).toBeLessThan(2_500);
    expect(first.lines.some(({ msg }) => msg.startsWith("Job returned"))).toBe(true);

    let taken = 0;
    const second = open([{ ...long, handle: async () => ({ taken: ++taken }) }]);
    await vi.waitFor(() => expect(taken).toBe(1), { timeout: 5_000 });
    expect(second.lines.some(({ msg }) => msg.includes("vanished"))).toBe(false);
    expect(second.observations[0]?.outcome).toBe("completed");
  });

  test("stop within 2 s when idle", async () => {
    const open = await openStores(backend);
    const harness = open([makeTestJob("rare", async () => ({}), { schedule: never })]);
    await harness.workers.ready;
    await sleep(500);
    const startedAt = performance.now();
    await harness.stop();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test("take up again what a vanished process left", async () => {
    const open = await openStores(backend);
    let began = 0;
    const job = makeTestJob(
      "left",
      () => (++began === 1 ? new Promise(() => undefined) : Promise.resolve({ again: 1 })),
      {
        schedule: everyMinuteSoon(),
      },
    );
    const first = open([job]);
    await vi.waitFor(() => expect(began).toBe(1), { timeout: 10_000 });
    // It never ends and hears nothing: what is left of it is a lock.
    await first.stop(100);
    const second = open([job]);
    await vi.waitFor(() => expect(second.observations).toHaveLength(1), { timeout: 20_000 });
    expect(began).toBe(2);
  });
});

/** Fires once within four seconds, not before three, which is time to start in, and then not for a minute. */
function everyMinuteSoon(): string {
  return `${new Date(Date.now() + 4_000).getUTCSeconds()} * * * * *`;
}
