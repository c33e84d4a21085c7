import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { migrateDatabase } from "../../db/migrate.ts";
import {
  type EmbeddedPostgres,
  openEmbeddedPostgres,
} from "../../server/platform/embedded-postgres/embedded-postgres.ts";
import { makeTestJob, openWorkerHarness } from "../support/worker-harness.ts";

const dataDir = mkdtempSync(join(tmpdir(), "tollgate-exhausted-"));
let server: EmbeddedPostgres;
beforeAll(async () => {
  server = await openEmbeddedPostgres({
    dataDir,
    parameters: { max_connections: "16", superuser_reserved_connections: "0", fsync: "off" },
  });
  await migrateDatabase(server.databaseUrl);
});
afterAll(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

function countRefusals(): number {
  return readFileSync(join(dataDir, "postgres.log"), "utf8").split("too many clients").length - 1;
}

test("workers do not spin while PostgreSQL has no connection left, and go on when it has", async () => {
  let runs = 0;
  const harness = openWorkerHarness({ databaseUrl: server.databaseUrl, redisUrl: null }, [
    makeTestJob("tick", async () => ({ ticks: ++runs })),
  ]);
  await vi.waitFor(() => expect(runs).toBeGreaterThanOrEqual(2), { timeout: 10_000 });

  const others = Array.from({ length: 16 }, () =>
    postgres(server.databaseUrl, { max: 1, onnotice: () => undefined, connect_timeout: 2, max_lifetime: null }),
  );
  const held = await Promise.allSettled(others.map((sql) => sql`select 1`));
  expect(held.some(({ status }) => status === "rejected")).toBe(true);
  // The workers' own connections go, and nothing is free for new ones.
  const own = others[held.findIndex(({ status }) => status === "fulfilled")];
  await own?.unsafe(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tollgate:queues%' or application_name = 'upkeep'`,
  );
  await Promise.allSettled(others.map((sql) => sql`select 1`));

  const refusedBefore = countRefusals();
  const cpuBefore = process.cpuUsage();
  await sleep(5_000);
  const refusals = countRefusals() - refusedBefore;
  const cpu = process.cpuUsage(cpuBefore);
  console.info(JSON.stringify({ refusalsPerSecond: refusals / 5, cpuMs: (cpu.user + cpu.system) / 1_000 }));
  expect(refusals).toBeGreaterThan(0);
  expect(refusals / 5).toBeLessThan(40);

  await Promise.all(others.map((sql) => sql.end({ timeout: 1 })));
  const before = runs;
  await vi.waitFor(() => expect(runs).toBeGreaterThan(before + 2), { timeout: 10_000 });
  await harness.stop();
});
