import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  findEmbeddedPostgres,
  openEmbeddedPostgres,
} from "../../server/platform/embedded-postgres/embedded-postgres.ts";
import { runCliProcess } from "../support/cli-run.ts";
import { findRedisLane, openRedisServer } from "../support/redis-server.ts";

let folder: string;
let dataDir: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-cli-stores-"));
  dataDir = join(folder, "data");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) => runCliProcess(args, folder, {});

describe("without DATABASE_URL", () => {
  it("runs the embedded PostgreSQL for as long as the command takes, and leaves nothing running", async () => {
    const idle = await run("doctor");
    expect([idle.code, idle.out.includes("the embedded PostgreSQL is not running")]).toEqual([0, true]);
    const made = await run("--create-api-key");
    expect(made).toMatchObject({ code: 0, error: "" });
    expect(made.out).toMatch(/^prod_[0-9a-z]{12}_[0-9A-Za-z]{48}\n$/);
    expect(await findEmbeddedPostgres(dataDir)).toBeNull();
    const listed = await run("keys", "list", "--json");
    expect(JSON.parse(listed.out)).toMatchObject({ api_keys: [{ public_id: made.out.split("_")[1] }] });
    expect(await findEmbeddedPostgres(dataDir)).toBeNull();
  });

  it("uses the one that runs, and leaves it running", async () => {
    const server = await openEmbeddedPostgres({ dataDir });
    try {
      const made = await run("keys", "create", "--admin", "--json");
      expect(JSON.parse(made.out)).toMatchObject({ permissions: ["*"], state: "active" });
      expect(await run("migrate")).toMatchObject({ code: 0, out: "The schema is up to date.\n" });
      const { out } = await run("doctor");
      expect(out).toMatch(/ok +database +PostgreSQL 1\d\.\d+/);
      expect((await findEmbeddedPostgres(dataDir))?.databaseUrl).toBe(server.databaseUrl);
    } finally {
      await server.stop();
    }
  });
});

const doctorOn = findRedisLane() ? ["redis"] : [];

describe.each(doctorOn)("doctor on %s", () => {
  it("fails where Redis may throw keys away, and says what to set", async () => {
    const redis = await openRedisServer();
    try {
      const env = { REDIS_URL: redis.url };
      const policy = async (): Promise<string> => {
        const { out } = await runCliProcess(["doctor", "--json"], folder, env);
        const { checks } = JSON.parse(out) as { checks: { name: string; status: string; detail: string }[] };
        const found = checks.find((check) => check.name === "redis policy");
        return `${found?.status} ${found?.detail}`;
      };
      expect(await policy()).toBe("ok maxmemory-policy noeviction");
      const client = new Redis(redis.url);
      await client.config("SET", "maxmemory-policy", "allkeys-lru");
      client.disconnect();
      expect(await policy()).toMatch(/^fail maxmemory-policy allkeys-lru; set noeviction/);
    } finally {
      await redis.stop();
    }
  });
});
