import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { migrateDatabase } from "../../db/migrate.ts";
import { openEmbeddedPostgres } from "../../server/platform/embedded-postgres/embedded-postgres.ts";
import { findRedisLane, openRedisServer } from "../support/redis-server.ts";
import { openTestDatabase } from "../support/test-database.ts";
import { findPeakRate, makeTestJob, openWorkerHarness, type WorkerHarness } from "../support/worker-harness.ts";

const awayMs = 3_000;
const disposals: (() => Promise<void>)[] = [];
const harnesses: WorkerHarness[] = [];
afterEach(async () => {
  for (const harness of harnesses.splice(0)) await harness.stop();
});
afterAll(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose();
});

interface Store {
  harness(definitions: Parameters<typeof openWorkerHarness>[1]): WorkerHarness;
  /** `kill -9`, then some time without it, then it answers again. */
  restart(awayMs: number): Promise<void>;
  /** Loses the next run, so that nothing would ever run again by itself. */
  breakChain(): Promise<void>;
}

async function openPostgresStore(): Promise<Store> {
  const dataDir = mkdtempSync(join(tmpdir(), "tollgate-workers-"));
  let server = await openEmbeddedPostgres({ dataDir });
  const { databaseUrl } = server;
  disposals.push(async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await migrateDatabase(databaseUrl);
  return {
    harness: (definitions) => openWorkerHarness({ databaseUrl, redisUrl: null }, definitions),
    async restart(awayMs) {
      process.kill(server.pid, "SIGKILL");
      // Its supervisor would bring it back at once.
      await server.stop();
      await sleep(awayMs);
      server = await openEmbeddedPostgres({ dataDir });
      expect(server.databaseUrl).toBe(databaseUrl);
    },
    async breakChain() {
      const sql = postgres(databaseUrl, { max: 1 });
      await sql`delete from bullmq.job where queue = 'upkeep' and state = 'delayed'`;
      await sql.end();
    },
  };
}

async function openRedisStore(): Promise<Store> {
  const server = await openRedisServer();
  const { url, close } = await openTestDatabase();
  disposals.push(close, () => server.stop());
  return {
    harness: (definitions) => openWorkerHarness({ databaseUrl: url, redisUrl: server.url }, definitions),
    async restart(awayMs) {
      await server.kill();
      await sleep(awayMs);
      await server.start();
    },
    async breakChain() {
      const redis = new Redis(server.url);
      await redis.flushall();
      await redis.quit();
    },
  };
}

const lanes = [
  { name: "PostgreSQL", open: openPostgresStore },
  ...(findRedisLane() ? [{ name: "Redis", open: openRedisStore }] : []),
];

describe.each(lanes)("a restart of $name", ({ open }) => {
  let store: Store;
  beforeAll(async () => {
    store = await open();
  });
  test.each([
    { load: "idle", workMs: 0 },
    { load: "busy", workMs: 700 },
  ])("under $load workers: no spin, no missed schedule, work within 10 s", async ({ workMs }) => {
    const runs: number[] = [];
    const job = makeTestJob("tick", async () => {
      runs.push(performance.now());
      if (workMs > 0) await sleep(workMs);
      return { ticks: 1 };
    });
    const harness = store.harness([job]);
    harnesses.push(harness);
    await harness.workers.ready;
    await vi.waitFor(() => expect(runs.length).toBeGreaterThanOrEqual(2), { timeout: 10_000 });

    const cpuBefore = process.cpuUsage();
    await store.restart(awayMs);
    const cpuMs = (process.cpuUsage(cpuBefore).user + process.cpuUsage(cpuBefore).system) / 1_000;
    const backAtMs = performance.now();
    await vi.waitFor(() => expect(runs.at(-1)).toBeGreaterThan(backAtMs), { timeout: 10_000, interval: 10 });
    const firstAfterMs = (runs.find((atMs) => atMs > backAtMs) ?? Number.NaN) - backAtMs;
    // From then on each second has its run again.
    const steadyFromMs = performance.now();
    await sleep(3_000);
    const steady = runs.filter((atMs) => atMs > steadyFromMs).length;
    console.info(JSON.stringify({ cpuMs, firstAfterMs, steady, peak: findPeakRate(harness.lines) }));
    // A spin would burn the whole time of the absence.
    expect(cpuMs).toBeLessThan(awayMs / 2);
    expect(steady).toBeGreaterThanOrEqual(2);
    expect(harness.workers.isUp()).toBe(true);
    const troubles = harness.lines.filter(({ level }) => level !== "debug" && level !== "info");
    expect(troubles.length).toBeGreaterThan(0);
    expect(findPeakRate(troubles)).toBeLessThan(20);
  });

  test("loses no schedule when the next run was lost", async () => {
    let runs = 0;
    const job = makeTestJob("tick", async () => ({ ticks: ++runs }));
    const harness = store.harness([job]);
    harnesses.push(harness);
    await vi.waitFor(() => expect(runs).toBeGreaterThanOrEqual(2), { timeout: 10_000 });
    await store.breakChain();
    const before = runs;
    await vi.waitFor(() => expect(runs).toBeGreaterThan(before + 2), { timeout: 12_000 });
    expect(harness.lines.some(({ msg }) => msg === "Schedules put in order")).toBe(true);
  });
});
