import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterAll, beforeAll, expect, test } from "vitest";
import { procedures, restRoutes } from "../../support/admin-operation.ts";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { findRawHeader, makeRawRequest, type PipelinedRequest, sendPipelined } from "../../support/raw-http.ts";
import { listRouteSpellings } from "../../support/route-spellings.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { makeModelConfig } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** BARS.md B5: the inference routes, and every call of the admin API in REST and tRPC. */
const isFull = process.env.TEST_TIER === "full";
const count = isFull ? 60_000 : 10_000;
const inferenceRoutes = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/models",
  "/openai/v1/models",
];
const adminRoutes = [
  ...new Set(restRoutes.map(({ operation }) => `/admin${operation.path.replace(/\{[a-z_]+\}/g, "0123456789ab")}`)),
  ...procedures.map(({ name }) => `/trpc/${name}`),
];
const perAdminRoute = isFull ? 10_000 : 150;
const body = JSON.stringify({ model: "gpt-test", messages: [{ role: "user", content: "x" }], input: "x", prompt: "x" });

interface SpelledRequest extends PipelinedRequest {
  line: string;
}

/** Sends spellings of the routes; answers how often each status came, and an example of each. */
async function sendSpellings(port: number, routes: readonly string[], seed: number, total: number, key: string | null) {
  const found = new Map<number, { count: number; example: string }>();
  const requests = function* (): Generator<SpelledRequest> {
    for (const { line, headers, isPlain } of listRouteSpellings(makeSeededRandom(seed), routes, total)) {
      const lines = [
        line,
        ...headers,
        "Content-Type: application/json",
        `Content-Length: ${body.length}`,
        ...(key === null ? [] : [`Authorization: Bearer ${key}`]),
      ];
      yield { line, bytes: makeRawRequest(lines, body), alone: !isPlain };
    }
  };
  const sent = await sendPipelined(port, requests(), ({ line }, answer) => {
    // The dashboard's page is public, and the same for everybody.
    if (answer?.status === 200 && findRawHeader(answer, "content-type")?.startsWith("text/html") === true) return;
    const status = answer?.status ?? 0;
    const entry = found.get(status) ?? { count: 0, example: line };
    entry.count++;
    found.set(status, entry);
  });
  return { sent, found };
}

const listOthers = (found: ReadonlyMap<number, unknown>, allowed: readonly number[]) =>
  [...found].filter(([status]) => !allowed.includes(status));

let upstream: ScriptedUpstream;
let gateway: GatewayProcess;
const { seed } = makeSeededRandom();
beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openGatewayProcess({ config: makeModelConfig(upstream.url), keepOutput: false });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

test(`${count} spellings of inference and admin routes without a key: 400, 401 or 404`, async () => {
  const { sent, found } = await sendSpellings(gateway.port, [...inferenceRoutes, ...adminRoutes], seed, count, null);
  console.info(`B5 seed ${seed}: ${JSON.stringify([...found].map(([status, entry]) => [status, entry.count]))}`);
  expect(sent).toBe(count);
  expect(listOthers(found, [400, 401, 404])).toEqual([]);
  expect(found.get(401)?.count).toBeGreaterThan(count / 20);
  expect(upstream.log).toHaveLength(0);
}, 120_000);

test(`${perAdminRoute} spellings of each admin route without a key: 400, 401 or 404`, async () => {
  expect(adminRoutes.length).toBeGreaterThan(20);
  const total = perAdminRoute * adminRoutes.length;
  const { sent, found } = await sendSpellings(gateway.port, adminRoutes, seed + 1, total, null);
  console.info(`B5 admin seed ${seed}: ${JSON.stringify([...found].map(([status, entry]) => [status, entry.count]))}`);
  expect(sent).toBe(total);
  expect(listOthers(found, [400, 401, 404])).toEqual([]);
  expect(found.get(401)?.count).toBeGreaterThan(total / 20);
}, 1_800_000);

test("an inference key opens no admin route, however it is spelled", async () => {
  const key = await gateway.makeKey();
  const total = (perAdminRoute / 5) * adminRoutes.length;
  const { sent, found } = await sendSpellings(gateway.port, adminRoutes, seed, total, key.text);
  expect(sent).toBe(total);
  expect(listOthers(found, [400, 403, 404, 405, 415])).toEqual([]);
  expect(found.get(403)?.count).toBeGreaterThan(0);
}, 600_000);

test("whatever spelling of an inference route is served is metered, and a key without the permission gets none", async () => {
  const key = await gateway.makeKey();
  const before = upstream.log.length;
  const routes = inferenceRoutes.filter((route) => !route.includes("models"));
  const { sent, found } = await sendSpellings(gateway.port, routes, seed, count / 5, key.text);
  expect(sent).toBe(count / 5);
  expect(listOthers(found, [200, 400, 404])).toEqual([]);
  const calls = upstream.log.length - before;
  // Every answer of 200 was a call (one that was cut off by a neighbour on its connection was sent twice), and every call
  // is in the ledger.
  expect(found.get(200)?.count ?? 0).toBeGreaterThan(0);
  expect(found.get(200)?.count ?? 0).toBeLessThanOrEqual(calls);
  const { sql } = gateway.database.database;
  const countEvents = async () =>
    Number((await sql`select count(*) as n from usage_event where public_id = ${key.publicId}`)[0]?.n);
  await waitUntil(async () => (await countEvents()) >= calls, "the events");
  expect(await countEvents()).toBe(calls);

  const weak = await gateway.makeKey({ permissions: ["vec:read"] });
  const weakly = await sendSpellings(gateway.port, inferenceRoutes, seed, count / 10, weak.text);
  expect(listOthers(weakly.found, [400, 403, 404])).toEqual([]);
  expect(upstream.log.length - before).toBe(calls);
}, 120_000);

test("the check sees a guard that compares the path as it is written", async () => {
  const app = express();
  app.use((request, response, next) => {
    const guarded = [...inferenceRoutes, ...adminRoutes].some((route) => request.url.startsWith(route));
    if (guarded && request.headers.authorization === undefined) response.sendStatus(401);
    else next();
  });
  app.all(/./, (_request, response) => void response.sendStatus(200));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { found } = await sendSpellings((server.address() as AddressInfo).port, adminRoutes, 3, 500, null);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(listOthers(found, [400, 401, 404]).map(([status]) => status)).toContain(200);
});
