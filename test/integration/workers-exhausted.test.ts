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
const connectionsMax = 16;
let server: EmbeddedPostgres;
beforeAll(async () => {
  server = await openEmbeddedPostgres({
    dataDir,
    parameters: { max_connections: String(connectionsMax), superuser_reserved_connections: "0", fsync: "off" },
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

/** Ends every connection but its own, and takes what is free, until it has all of them. */
async function holdAllConnections(): Promise<postgres.Sql[]> {
  const first = postgres(server.databaseUrl, { max: 1, connection: { application_name: "other" }, max_lifetime: null });
  await first`select 1`;
  const held = [first];
  while (held.length < connectionsMax) {
    await first`select pg_terminate_backend(pid) from pg_stat_activity
      where backend_type = 'client backend' and application_name <> 'other'`;
    const candidates = Array.from({ length: connectionsMax - held.length }, () =>
      postgres(server.databaseUrl, { max: 1, connection: { application_name: "other" }, max_lifetime: null }),
    );
    const outcomes = await Promise.allSettled(candidates.map((sql) => sql`select 1`));
    for (const [index, sql] of candidates.entries()) {
      if (outcomes[index]?.status === "fulfilled") held.push(sql);
      else void sql.end({ timeout: 0 });
    }
  }
  return held;
}

test("workers do not spin while PostgreSQL has no connection left, and go on when it has", async () => {
  let runs = 0;
  let isRunning = false;
  const handle = async (): Promise<Record<string, number>> => {
    isRunning = true;
    await sleep(600);
    isRunning = false;
    return { ticks: ++runs };
  };
  // With one at a time nothing else of the worker waits meanwhile: what follows the run is the next question.
  const tick = makeTestJob("tick", handle, { concurrency: 1 });
  const harness = openWorkerHarness({ databaseUrl: server.databaseUrl, redisUrl: null }, [tick]);
  await vi.waitFor(() => expect(runs).toBeGreaterThanOrEqual(2), { timeout: 10_000 });

  // The workers' own connections go, and nothing is free for new ones. It happens under a run: a worker that has just
  // ended one asks for the next without a pause, and for ever, where its store refuses at once.
  await vi.waitFor(() => expect(isRunning).toBe(true), { timeout: 5_000, interval: 5 });
  const others = await holdAllConnections();

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
