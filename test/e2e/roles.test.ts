import { randomBytes } from "node:crypto";
import { createPostgresBackend, withBackend } from "bullmq";
import { afterEach, expect, test } from "vitest";
import { openTestDatabase } from "../support/test-database.ts";
import { endInstallations, makeHome, makeSecretEnv, openTollgate } from "../support/tollgate-process.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endInstallations);

/** Asks for a run now, beside its schedule. */
async function addRun(job: string, databaseUrl: string): Promise<void> {
  const { Queue } = withBackend(createPostgresBackend);
  const queue = new Queue("upkeep", { connection: databaseUrl });
  await queue.add(job, {});
  await queue.close();
}

test("TOLLGATE_ROLE: a gateway and a worker are two processes on one database", async () => {
  const stored = await openTestDatabase();
  const env = { ...makeSecretEnv(randomBytes), DATABASE_URL: stored.url };
  const gateway = await openTollgate({ home: makeHome(), env: { ...env, TOLLGATE_ROLE: "gateway" } });
  const worker = await openTollgate({ home: makeHome(), env: { ...env, TOLLGATE_ROLE: "worker" } });
  await gateway.ready();
  await waitUntil(() => worker.output().includes("Workers started"), "the workers work", 20_000);
  expect(gateway.listProcesses()).toEqual([gateway.pid]);
  expect(worker.listProcesses()).toEqual([worker.pid]);

  const health = await gateway.call("GET", "/health", null);
  expect(await health.json()).toEqual({
    gateway: "ok",
    postgres: "ok",
    redis: "not_configured",
    workers: "not_configured",
  });
  const models = await gateway.call("GET", "/v1/models", gateway.demoKey());
  expect(models.status).toBe(200);
  await models.arrayBuffer();
  // The partitions ahead of time are made by a job, hence by the worker alone.
  await addRun("manage-partitions", stored.url);
  await waitUntil(
    async () => {
      const rows = await stored.database.sql`
        select from pg_inherits where inhparent = 'usage_event'::regclass`;
      return rows.length > 1;
    },
    "partitions ahead of time",
    20_000,
  );

  expect(await worker.stop()).toMatchObject({ code: 0 });
  expect(await gateway.stop()).toMatchObject({ code: 0 });
  expect([...gateway.listProcesses(), ...worker.listProcesses()]).toEqual([]);
  await stored.close();
});

test("a role without a database of its own is a mistake of configuration", async () => {
  const worker = await openTollgate({ home: makeHome(), env: { TOLLGATE_ROLE: "worker" } });
  expect(await worker.ended).toEqual({ code: 78, signal: null });
  await waitUntil(() => worker.output().includes("DATABASE_URL"), "what is missing");
  expect(worker.listProcesses()).toEqual([]);
});
