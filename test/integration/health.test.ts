import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { makeFindClientAddress } from "../../server/core/client-address.ts";
import { AppError } from "../../server/core/error.ts";
import { handleUnknownRoute, makeErrorHandler } from "../../server/http/error-handler.ts";
import { makeOperationsRouter, type OperationsDeps } from "../../server/http/health.ts";
import { openClock } from "../../server/platform/clock.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { openMetrics } from "../../server/platform/metrics.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";

let cloned: TestDatabase;
beforeAll(async () => {
  cloned = await openTestDatabase();
});
afterAll(() => cloned.close());

const graceMs = 1_500;
const logged: string[] = [];
const state = {
  started: true,
  draining: false,
  postgresAway: false,
  redisAway: false,
  redisEvicts: false,
  workersUp: true,
  queries: 0,
};
beforeEach(() => {
  Object.assign(state, {
    started: true,
    draining: false,
    postgresAway: false,
    redisAway: false,
    redisEvicts: false,
    workersUp: true,
    queries: 0,
  });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function openApp(more: Partial<OperationsDeps> = {}) {
  const app = express();
  app.use(
    makeOperationsRouter({
      clock: openClock(),
      version: "1.2.3",
      getConfigHash: () => "abcdef012345",
      graceMs,
      isStarted: () => state.started,
      isDraining: () => state.draining,
      async checkPostgres() {
        state.queries += 1;
        if (state.postgresAway) throw new Error("password=hunter22 refused");
        await cloned.database.sql`select 1`;
      },
      checkRedis: async () => {
        if (state.redisAway) throw new Error("gone");
      },
      checkRedisPolicy: async () => {
        if (state.redisEvicts) throw new Error("maxmemory-policy allkeys-lru");
      },
      areWorkersUp: () => state.workersUp,
      metrics: openMetrics(),
      findClientAddress: makeFindClientAddress([]),
      authorize: (request) => request.headers.authorization === "Bearer good",
      ...more,
    }),
  );
  app.get("/breaks", () => {
    throw new Error("secret detail hunter22");
  });
  app.get("/refuses", () => {
    throw new AppError("alias_taken");
  });
  app.use(handleUnknownRoute);
  const logger = openLogger(
    { level: "warn", pretty: false, access: false },
    { write: (line) => void logged.push(line) },
  );
  app.use(makeErrorHandler(logger));
  const server = createServer(app).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close", ...headers } });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { get };
}

describe("/livez", () => {
  test("200 whatever is away", async () => {
    const app = await openApp();
    Object.assign(state, { started: false, draining: true, postgresAway: true });
    expect(await app.get("/livez")).toMatchObject({ status: 200, text: "ok\n" });
  });
});

describe("/readyz", () => {
  test("503 before everything is opened, 200 after, 503 while draining", async () => {
    const app = await openApp();
    state.started = false;
    expect((await app.get("/readyz")).status).toBe(503);
    state.started = true;
    expect((await app.get("/readyz")).status).toBe(200);
    state.draining = true;
    expect(await app.get("/readyz")).toMatchObject({ status: 503, text: "draining\n" });
  });

  test("200 while PostgreSQL is away within the grace, then 503, and 200 when it is back", async () => {
    const app = await openApp();
    state.postgresAway = true;
    expect((await app.get("/readyz")).status).toBe(200);
    await vi.waitFor(async () => expect((await app.get("/readyz")).status).toBe(503), {
      timeout: 5_000,
      interval: 100,
    });
    state.postgresAway = false;
    await vi.waitFor(async () => expect((await app.get("/readyz")).status).toBe(200), {
      timeout: 3_000,
      interval: 100,
    });
  });

  test("503 with the reason while Redis may throw keys away", async () => {
    state.redisEvicts = true;
    const app = await openApp();
    expect(await app.get("/readyz")).toMatchObject({
      status: 503,
      text: "redis: maxmemory-policy is not noeviction\n",
    });
    state.redisEvicts = false;
    await vi.waitFor(async () => expect((await app.get("/readyz")).status).toBe(200), { timeout: 3_000 });
  });

  test("asks PostgreSQL at most once a second however often it is asked", async () => {
    const app = await openApp();
    const answers = await Promise.all(Array.from({ length: 200 }, () => app.get("/readyz")));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(state.queries).toBeLessThanOrEqual(2);
  });

  test("does not wait for a PostgreSQL that says nothing", async () => {
    const app = await openApp({ checkPostgres: () => new Promise(() => undefined), graceMs: 0 });
    const startedAt = performance.now();
    await app.get("/readyz");
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });
});

describe("/health", () => {
  test("200 with every part up", async () => {
    const app = await openApp();
    const answer = await app.get("/health");
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({ gateway: "ok", postgres: "ok", redis: "ok", workers: "ok" });
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test("503 names the part that is down and nothing of why", async () => {
    const app = await openApp();
    Object.assign(state, { postgresAway: true, workersUp: false });
    const answer = await app.get("/health");
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toEqual({ gateway: "ok", postgres: "error", redis: "ok", workers: "error" });
    expect(answer.text).not.toContain("hunter22");
  });

  test("tells what this deployment does not have", async () => {
    const app = await openApp({ checkRedis: null, areWorkersUp: null });
    expect(JSON.parse((await app.get("/health")).text)).toMatchObject({
      redis: "not_configured",
      workers: "not_configured",
    });
  });
});

test("/status: release and config, no more", async () => {
  const app = await openApp();
  expect(JSON.parse((await app.get("/status")).text)).toEqual({
    status: "ok",
    version: "1.2.3",
    config_hash: "abcdef012345",
  });
});

describe("/metrics", () => {
  test("to this machine itself", async () => {
    const app = await openApp();
    const answer = await app.get("/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    expect(answer.text).toContain("tollgate_requests_total");
  });

  test.each(["x-forwarded-for", "x-real-ip", "forwarded", "via"])(
    "not through a proxy on this machine (%s)",
    async (header) => {
      const app = await openApp();
      const answer = await app.get("/metrics", { [header]: "127.0.0.1" });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      expect(answer.text).not.toContain("tollgate_");
      expect((await app.get("/metrics", { [header]: "1.2.3.4", authorization: "Bearer bad" })).status).toBe(403);
      expect((await app.get("/metrics", { [header]: "1.2.3.4", authorization: "Bearer good" })).status).toBe(200);
    },
  );
});

describe("what nothing answers", () => {
  test("404 in one shape, with a request id", async () => {
    const app = await openApp();
    const answer = await app.get("/nothing/here");
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text).error).toMatchObject({ code: "not_found", param: null });
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test("500 tells nothing to the client and everything to the log", async () => {
    const app = await openApp();
    const answer = await app.get("/breaks");
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.text).error.code).toBe("internal_error");
    expect(answer.text).not.toContain("hunter22");
    expect(logged.join()).toContain("secret detail hunter22");
    expect(logged.join()).toContain(answer.headers.get("x-request-id") ?? "none");
  });

  test("an AppError as it says, a broken path 400", async () => {
    const app = await openApp();
    expect((await app.get("/refuses")).status).toBe(409);
    expect((await app.get("/%zz")).status).toBeGreaterThanOrEqual(400);
    expect((await app.get("/%zz")).status).toBeLessThan(500);
  });
});
