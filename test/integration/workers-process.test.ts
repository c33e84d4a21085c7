import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createPostgresBackend, withBackend } from "bullmq";
import postgres from "postgres";
import { afterEach, beforeEach, expect, inject, test, vi } from "vitest";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";

const find = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const parentEntry = find("../support/worker-parent.ts");
const workerEntry = find("../../workers/main.ts");

let cloned: TestDatabase;
let dataDir = "";
const started: ChildProcess[] = [];
beforeEach(async () => {
  cloned = await openTestDatabase();
  dataDir = mkdtempSync(join(tmpdir(), "tollgate-worker-"));
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  await cloned.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Strong enough for the config's check, different from each other, the same in every run. */
const makeSecret = (seed: number): string =>
  Buffer.from(Array.from({ length: 48 }, (_, index) => (index * 73 + seed * 151 + 7 * index * index) % 256)).toString(
    "base64",
  );

function start(entry: string, databaseUrl: string) {
  const child = spawn(process.execPath, ["--import", "tsx", entry], {
    // `detached`, so that a signal to its group reaches no test.
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      TOLLGATE_DATA_DIR: dataDir,
      TOLLGATE_PEPPER: makeSecret(1),
      TOLLGATE_SEAL_KEY: makeSecret(2),
      TOLLGATE_SESSION_SECRET: makeSecret(3),
    },
  });
  started.push(child);
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += String(chunk);
  });
  const lines = (): Record<string, unknown>[] =>
    text
      .split("\n")
      .slice(0, -1)
      .filter(Boolean)
      .map((line): Record<string, unknown> => JSON.parse(line));
  return { child, lines, exit: once(child, "exit") };
}

async function startChild() {
  const parent = start(parentEntry, cloned.url);
  await vi.waitFor(() => expect(parent.lines()).toContainEqual({ kind: "ready" }), { timeout: 20_000, interval: 20 });
  return { parent, pid: Number(parent.lines()[0]?.pid) };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function addRun(job: string): Promise<void> {
  const { Queue } = withBackend(createPostgresBackend);
  const queue = new Queue("upkeep", { connection: cloned.url });
  await queue.add(job, {});
  await queue.close();
}

test("as a child: tells that it is ready and of each run", async () => {
  const { parent } = await startChild();
  await addRun("manage-partitions");
  await vi.waitFor(
    () => {
      const job = parent.lines().find(({ kind }) => kind === "job");
      expect(job).toMatchObject({ observation: { job: "manage-partitions", outcome: "completed" } });
    },
    { timeout: 10_000 },
  );
  const [row] = await cloned.database
    .sql`select count(*)::int as count from pg_inherits where inhparent = 'usage_event'::regclass`;
  expect(row?.count).toBeGreaterThan(1);
});

test("as a child: ends by itself when its parent is killed", async () => {
  const { parent, pid } = await startChild();
  expect(isAlive(pid)).toBe(true);
  parent.child.kill("SIGKILL");
  await parent.exit;
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 3_000, interval: 20 });
});

test("as a child: leaves Ctrl-C to its parent, and ends on SIGTERM", async () => {
  const { pid } = await startChild();
  process.kill(pid, "SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(isAlive(pid)).toBe(true);
  process.kill(pid, "SIGTERM");
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 2_000, interval: 20 });
});

test("alone: brings an empty database to this release's schema, and exits 0 on Ctrl-C", async () => {
  const name = `${new URL(cloned.url).pathname.slice(1)}_empty`;
  const admin = postgres(inject("postgresUrl"), { max: 1 });
  await admin.unsafe(`create database ${name}`);
  await admin.end();
  const url = new URL(cloned.url);
  url.pathname = `/${name}`;
  const alone = start(workerEntry, url.href);
  await vi.waitFor(() => expect(alone.lines()).toContainEqual(expect.objectContaining({ msg: "Workers started" })), {
    timeout: 20_000,
  });
  const startedAt = performance.now();
  alone.child.kill("SIGINT");
  expect(await alone.exit).toEqual([0, null]);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
