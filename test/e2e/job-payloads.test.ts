import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPostgresBackend, Queue as RedisQueue, withBackend } from "bullmq";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jobs } from "../../workers/registry.ts";
import { findCanaries } from "../support/canary-scan.ts";
import { findRedisLane, openRedisServer, type RedisServer } from "../support/redis-server.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../support/scripted-upstream.ts";
import { dumpDatabase, readFolder } from "../support/stored-places.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { makeModelConfig } from "../support/test-gateway.ts";
import { endInstallations, makeHome, makeSecretEnv, openTollgate } from "../support/tollgate-process.ts";
import { waitUntil } from "../support/wait-until.ts";

/** BARS.md E1: what the queues hold of a run with workers, on both backends, and all else that it leaves behind. */

let stored: TestDatabase;
let upstream: ScriptedUpstream;
let folder: string;
let redis: RedisServer | null = null;
beforeEach(async () => {
  stored = await openTestDatabase();
  upstream = await openScriptedUpstream();
  folder = mkdtempSync(join(tmpdir(), "tollgate-payloads-"));
});
afterEach(async () => {
  await endInstallations();
  await redis?.stop();
  redis = null;
  await upstream.close();
  await stored.close();
  rmSync(folder, { recursive: true, force: true });
});

function openQueue(name: string): RedisQueue {
  if (redis !== null) return new RedisQueue(name, { connection: { host: "127.0.0.1", port: redis.port } });
  const { Queue } = withBackend(createPostgresBackend);
  return new Queue(name, { connection: stored.url }) as unknown as RedisQueue;
}

/** One run of each job now, and of one that nobody knows, with the ways in which it ended. */
async function runJobs(): Promise<Record<string, string>> {
  const states: Record<string, string> = {};
  for (const { name, queue: queueName } of [...jobs, { name: "nobody-knows", queue: "upkeep" }]) {
    const queue = openQueue(queueName);
    try {
      const added = await queue.add(name, {});
      await waitUntil(
        async () => {
          const state = (await added.getState()) as string;
          states[name] = state;
          return state === "completed" || state === "failed";
        },
        `the end of ${name}`,
        30_000,
      );
    } finally {
      await queue.close();
    }
  }
  return states;
}

/** What Redis would write to its disk. */
async function dumpRedis(server: RedisServer): Promise<Record<string, string>> {
  const client = new Redis(server.port, "127.0.0.1");
  await client.save();
  await client.quit();
  return readFolder(join(folder, "redis"));
}

test.each(["postgres", ...(findRedisLane() ? ["redis"] : [])])(
  "jobs on %s: no key, secret, password or prompt in a payload, a result or an error",
  async (backend) => {
    if (backend === "redis") {
      mkdirSync(join(folder, "redis"));
      redis = await openRedisServer(join(folder, "redis"));
    }
    const prompt = randomBytes(24).toString("base64url");
    const password = randomBytes(24).toString("base64url");
    const providerKey = `sk-canary-${randomBytes(24).toString("base64url")}`;
    writeFileSync(join(folder, "provider-key"), providerKey);
    const model = makeModelConfig(upstream.url, "gpt-test").replace(
      'api_key_location = "none"',
      `api_key_location = "path::${join(folder, "provider-key")}"`,
    );
    const secrets = makeSecretEnv(randomBytes);
    const tollgate = await openTollgate({
      home: makeHome(model),
      env: {
        ...secrets,
        DATABASE_URL: stored.url,
        ...(redis === null ? {} : { REDIS_URL: redis.url }),
        TOLLGATE_LOG_LEVEL: "trace",
      },
    });
    await tollgate.ready();
    await waitUntil(() => tollgate.demoKey() !== null, "the banner");
    await waitUntil(() => /workers? started/i.test(tollgate.output()), "the workers work", 60_000);
    const admin = tollgate.adminKey() ?? "";
    const bannerEnd = tollgate.output().length;

    const made: { api_key: string; public_id: string }[] = [];
    for (let index = 0; index < 2; index++) {
      const response = await tollgate.call("POST", "/admin/api-keys", admin, { name: `key ${index}` });
      made.push((await response.json()) as { api_key: string; public_id: string });
    }
    const [used, expiring] = made as [(typeof made)[0], (typeof made)[0]];
    const messages = [{ role: "user", content: prompt }];
    for (const key of [used, expiring]) {
      const answer = await tollgate.call("POST", "/v1/chat/completions", key.api_key, { model: "gpt-test", messages });
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
    }
    const account = { name: "Ann", email: "ann@example.com", password };
    const signedUp = await tollgate.call("POST", "/api/auth/sign-up/email", null, account);
    expect(signedUp.status).toBe(200);
    const { sql } = stored.database;
    await sql`update api_key set expires_at = now() - interval '1 hour' where public_id = ${expiring.public_id}`;
    const states = await runJobs();
    expect(states).toEqual({
      ...Object.fromEntries(jobs.map(({ name }) => [name, "completed"])),
      "nobody-knows": "failed",
    });
    const [key] = await sql`select state from api_key where public_id = ${expiring.public_id}`;
    expect(key?.state).toBe("expired");
    await waitUntil(async () => (await sql`select from usage_event`).length === 2, "events in the database");

    const places: Record<string, string> = {
      ...(await dumpDatabase(sql)),
      ...readFolder(tollgate.dataDir),
      ...(redis === null ? {} : await dumpRedis(redis)),
      "the log": tollgate.output().slice(bannerEnd),
    };
    // The payloads are among what is searched.
    const queued = Object.entries(places).filter(([, text]) => text.includes("manage-partitions"));
    const home = redis === null ? "table bullmq." : "file /dump.rdb";
    expect(queued.some(([place]) => place.startsWith(home))).toBe(true);
    const canaries: Record<string, string> = {
      "admin key": admin.slice(-48),
      "demo key": (tollgate.demoKey() ?? "").slice(-48),
      "used key": used.api_key.slice(-48),
      "expired key": expiring.api_key.slice(-48),
      "provider key": providerKey,
      prompt,
      password,
      ...secrets,
    };
    expect(findCanaries(canaries, places)).toEqual([]);
    console.info(`E1: ${Object.keys(canaries).length} secrets, ${Object.keys(places).length} places on ${backend}`);
    // A payload that held one would be found.
    const queue = openQueue("upkeep");
    await queue.add("nobody-knows", { providerKey });
    await queue.close();
    const planted = redis === null ? await dumpDatabase(sql) : await dumpRedis(redis);
    expect(findCanaries({ providerKey }, planted).length).toBeGreaterThan(0);
  },
  120_000,
);
