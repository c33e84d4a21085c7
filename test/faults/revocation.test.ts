import { createHmac, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FaultProxy, openFaultProxy } from "../support/fault-proxy.ts";
import { openLoad } from "../support/load-client.ts";
import { openPostgresSplitter, type PostgresSplitter } from "../support/postgres-splitter.ts";
import { makeSeededRandom } from "../support/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";
import {
  endInstallations,
  makeHome,
  makeSecretEnv,
  openTollgate,
  type TollgateProcess,
} from "../support/tollgate-process.ts";
import { waitUntil } from "../support/wait-until.ts";

const isFull = process.env.TEST_TIER === "full";
const revocations = isFull ? 1_000 : 100;
/** Revocations that are watched at once through each gateway. */
const lanes = isFull ? 3 : 1;
/** Keys that end in each of the other ways. */
const endingsEach = isFull ? 100 : 2;
const testTimeoutMs = isFull ? 1_200_000 : 180_000;
const echoModel = { name: "echo::any", stream: "either" } as const;

interface TestKey {
  text: string;
  publicId: string;
  ownerId: string | null;
}

const config = `
[plans.wide]
keys = 1_000
[plans.narrow]
keys = 1_000
models = ["openai::*"]
`;

const leakSecret = randomBytes(36).toString("base64");

let stored: TestDatabase;
let listenFaults: FaultProxy;
let restFaults: FaultProxy;
let splitter: PostgresSplitter;
let near: TollgateProcess;
let far: TollgateProcess;
let adminKey = "";

beforeEach(async () => {
  stored = await openTestDatabase();
  const target = { host: "127.0.0.1", port: Number(new URL(stored.url).port) };
  listenFaults = await openFaultProxy(target);
  restFaults = await openFaultProxy(target);
  splitter = await openPostgresSplitter(stored.url, { listen: listenFaults.port, rest: restFaults.port });
  const env = {
    ...makeSecretEnv(randomBytes),
    TOLLGATE_LEAK_SECRET: leakSecret,
    TOLLGATE_ROLE: "gateway",
    TOLLGATE_LOG_LEVEL: "warn",
  };
  near = await openTollgate({ home: makeHome(config), env: { ...env, DATABASE_URL: stored.url } });
  await near.ready();
  far = await openTollgate({ home: makeHome(config), env: { ...env, DATABASE_URL: splitter.url } });
  await far.ready();
  await waitUntil(() => near.adminKey() !== null, "the admin key");
  adminKey = near.adminKey() as string;
});
afterEach(async () => {
  await endInstallations();
  await splitter.close();
  await listenFaults.close();
  await restFaults.close();
  await stored.close();
});

async function callWith(gateway: TollgateProcess, key: TestKey): Promise<number> {
  const body = { model: "echo::any", messages: [{ role: "user", content: "still me?" }] };
  const response = await gateway.call("POST", "/v1/chat/completions", key.text, body);
  await response.arrayBuffer();
  return response.status;
}

/** Makes a key, and has both gateways know it. */
async function makeKnownKey(ownerId: string | null = null): Promise<TestKey> {
  const response = await near.call("POST", "/admin/api-keys", adminKey, { name: "to be revoked", owner_id: ownerId });
  const made = (await response.json()) as { api_key: string; public_id: string };
  const key = { text: made.api_key, publicId: made.public_id, ownerId };
  for (const gateway of [near, far]) expect(await callWith(gateway, key)).toBe(200);
  return key;
}

let users = 0;
/** The same, of a new user whose plan allows it. */
async function makeOwnedKey(): Promise<TestKey> {
  const user = { email: `owner-${++users}@example.com`, plan: "wide" };
  const made = await near.call("POST", "/admin/users", adminKey, user);
  return makeKnownKey(((await made.json()) as { id: string }).id);
}

/** @returns the instant of the acknowledgement. */
async function revoke(gateway: TollgateProcess, key: TestKey): Promise<number> {
  const response = await gateway.call("DELETE", `/admin/api-keys/${key.publicId}`, adminKey);
  expect(response.status).toBe(204);
  return performance.now();
}

/** Calls until the key has been refused six times in a row; answers when the last call was sent that was let through. */
async function watchKey(gateway: TollgateProcess, key: TestKey, everyMs: number): Promise<number> {
  let lastAcceptedMs = Number.NEGATIVE_INFINITY;
  const deadlineMs = performance.now() + 20_000;
  for (let refusals = 0; refusals < 6 && performance.now() < deadlineMs; ) {
    const sentMs = performance.now();
    const status = await callWith(gateway, key);
    expect([200, 401, 403]).toContain(status);
    if (status !== 200) refusals++;
    else {
      refusals = 0;
      lastAcceptedMs = sentMs;
    }
    await sleep(Math.max(0, sentMs + everyMs - performance.now()));
  }
  return lastAcceptedMs;
}

/** Milliseconds after its end at which a key was last let through; 0 where it never was. `end` answers that instant. */
async function measureEnd(
  end: () => Promise<number>,
  watched: readonly TollgateProcess[],
  key: TestKey,
  everyMs: number,
): Promise<number[]> {
  const watching = watched.map((gateway) => watchKey(gateway, key, everyMs));
  await sleep(everyMs);
  const endedMs = await end();
  return (await Promise.all(watching)).map((lastMs) => Math.max(0, lastMs - endedMs));
}

function measureRevocation(by: TollgateProcess, watched: readonly TollgateProcess[], key: TestKey, everyMs: number) {
  return measureEnd(() => revoke(by, key), watched, key, everyMs);
}

function findPercentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN);
}

/** Runs beside calls with a key that nothing happens to: 60 a second, in the full tier 300. @returns how many there were. */
async function runUnderLoad(run: () => Promise<void>): Promise<number> {
  const other = await makeKnownKey();
  const loads = [near, far].map((gateway) =>
    openLoad({
      urls: [gateway.url],
      keys: [other.text],
      concurrency: isFull ? 15 : 3,
      random: makeSeededRandom(3),
      models: [echoModel],
      pauseMs: 100,
    }),
  );
  const startedMs = performance.now();
  await run();
  const seconds = (performance.now() - startedMs) / 1_000;
  for (const load of loads) await load.stop();
  // Nobody else was refused.
  for (const load of loads) expect(load.counts).toMatchObject({ refused: 0, broken: 0, unconnected: 0 });
  return Math.round(loads.reduce((sum, load) => sum + load.answered.length, 0) / seconds);
}

function formatDelays(delaysMs: readonly number[]): string {
  const [max, p99, p50] = [1, 0.99, 0.5].map((share) => findPercentile(delaysMs, share));
  return `${max} ms at most, p99 ${p99} ms, p50 ${p50} ms`;
}

test(
  `${revocations} keys revoked under load: both gateways refuse them within a second`,
  async () => {
    const keys: TestKey[] = [];
    for (let index = 0; index < revocations; index++) keys.push(await makeKnownKey());
    const delaysMs: number[] = [];
    const lane = async (by: TollgateProcess): Promise<void> => {
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
        delaysMs.push(...(await measureRevocation(by, [near, far], key, 50)));
      }
    };
    const rate = await runUnderLoad(async () => {
      await Promise.all(Array.from({ length: lanes }, () => [lane(near), lane(far)]).flat());
    });
    console.info(
      `${delaysMs.length / 2} revocations on two gateways under ${rate} calls a second and the probes: ` +
        `last let through after the acknowledgement ${formatDelays(delaysMs)}`,
    );
    expect(delaysMs).toHaveLength(2 * revocations);
    expect(Math.max(...delaysMs)).toBeLessThanOrEqual(1_000);
  },
  testTimeoutMs,
);

/** An admin call that ends the key at once. @returns the instant of the acknowledgement. */
async function endBy(
  gateway: TollgateProcess,
  method: string,
  path: string,
  body?: unknown,
  noun = "api-keys",
): Promise<number> {
  const response = await gateway.call(method, `/admin/${noun}${path}`, adminKey, body);
  expect([path, response.status < 300]).toEqual([path, true]);
  return performance.now();
}

async function reportSigned(gateway: TollgateProcess, key: TestKey): Promise<number> {
  const body = JSON.stringify({ keys: [key.text] });
  const time = Math.floor(Date.now() / 1_000);
  const hmac = createHmac("sha256", leakSecret).update(`${time}.${body}`).digest("hex");
  const headers = { "x-tollgate-signature": `t=${time},v1=${hmac}`, "content-type": "application/json" };
  const response = await fetch(`${gateway.url}/admin/api-keys/leaked`, { method: "POST", headers, body });
  expect(await response.json()).toEqual({ received: 1, matched: 1, disabled: 1 });
  return performance.now();
}

/** The clock ends it: nothing is written when it happens. */
async function expireSoon(gateway: TollgateProcess, key: TestKey): Promise<number> {
  const endsAtMs = Date.now() + 1_500;
  await endBy(gateway, "PATCH", `/${key.publicId}`, { expires_at: new Date(endsAtMs).toISOString() });
  return performance.now() + (endsAtMs - Date.now());
}

async function finishRotation(gateway: TollgateProcess, key: TestKey): Promise<number> {
  await endBy(gateway, "POST", `/${key.publicId}/rotate`, { overlap: "24h" });
  expect(await callWith(gateway, key)).toBe(200);
  return endBy(gateway, "POST", `/${key.publicId}/rotate/finish`);
}

interface Ending {
  name: string;
  make?: () => Promise<TestKey>;
  end(gateway: TollgateProcess, key: TestKey): Promise<number>;
}

const endings: readonly Ending[] = [
  { name: "disable", end: (by, key) => endBy(by, "POST", `/${key.publicId}/disable`) },
  { name: "revoke with its calls", end: (by, key) => endBy(by, "DELETE", `/${key.publicId}?cut_streams=true`) },
  { name: "bulk", end: (by, key) => endBy(by, "POST", "/bulk", { action: "revoke", public_ids: [key.publicId] }) },
  { name: "leak report of an admin", end: (by, key) => endBy(by, "POST", "/leaked", { keys: [key.text] }) },
  { name: "leak report, signed", end: reportSigned },
  { name: "expiry", end: expireSoon },
  {
    name: "rotation without overlap",
    end: (by, key) => endBy(by, "POST", `/${key.publicId}/rotate`, { overlap: "0" }),
  },
  { name: "rotation, finished early", end: finishRotation },
  {
    name: "owner disabled",
    make: makeOwnedKey,
    end: (by, key) => endBy(by, "POST", `/${key.ownerId}/disable`, {}, "users"),
  },
  {
    name: "owner deleted",
    make: makeOwnedKey,
    end: (by, key) => endBy(by, "DELETE", `/${key.ownerId}`, undefined, "users"),
  },
  {
    name: "plan lowered",
    make: makeOwnedKey,
    end: (by, key) => endBy(by, "PATCH", `/${key.ownerId}`, { plan: "narrow" }, "users"),
  },
];

test(
  "every way in which a key or a secret ends: both gateways refuse it within a second",
  async () => {
    const lines: string[] = [];
    const rate = await runUnderLoad(async () => {
      for (const { name, make = makeKnownKey, end } of endings) {
        const delaysMs: number[] = [];
        let left = endingsEach;
        const lane = async (by: TollgateProcess): Promise<void> => {
          while (left-- > 0) {
            const key = await make();
            delaysMs.push(...(await measureEnd(() => end(by, key), [near, far], key, 50)));
          }
        };
        await Promise.all(Array.from({ length: lanes }, () => [lane(near), lane(far)]).flat());
        lines.push(`${name}: ${formatDelays(delaysMs)}`);
        expect(delaysMs).toHaveLength(2 * endingsEach);
        expect(Math.max(...delaysMs), name).toBeLessThanOrEqual(1_000);
      }
    });
    expect(lines).toHaveLength(endings.length);
    console.info(
      `last let through after the end, of ${endingsEach} each, under ${rate} calls a second\n  ${lines.join("\n  ")}`,
    );
  },
  testTimeoutMs,
);

const cuts: readonly (readonly [name: string, breakIt: () => void])[] = [
  ["cut once", () => listenFaults.cut()],
  [
    "cut, and not let in again",
    () => {
      listenFaults.refuse();
      listenFaults.cut();
    },
  ],
  ["gone silent", () => listenFaults.blackhole()],
  [
    "cut together with all others",
    () => {
      listenFaults.cut();
      restFaults.cut();
    },
  ],
];

test("with the notification connection cut: refused within ten seconds, and within one by the other gateway", async () => {
  const lines: string[] = [];
  for (const [name, breakIt] of cuts) {
    const keys: TestKey[] = [];
    for (let index = 0; index < 5; index++) keys.push(await makeKnownKey());
    expect(listenFaults.connectionCount).toBeGreaterThan(0);
    breakIt();
    const delaysMs = await Promise.all(keys.map((key) => measureRevocation(near, [near, far], key, 100)));
    const nearMs = Math.max(...delaysMs.map(([ms = Number.NaN]) => ms));
    const farMs = Math.max(...delaysMs.map(([, ms = Number.NaN]) => ms));
    lines.push(`${name}: ${Math.round(farMs)} ms (the other gateway ${Math.round(nearMs)} ms)`);
    expect(farMs, name).toBeLessThanOrEqual(10_000);
    expect(nearMs, name).toBeLessThanOrEqual(1_000);

    listenFaults.resume();
    // What a silent network swallowed would never be resent by a real one either: the connection is dead.
    listenFaults.cut();
    await waitUntil(
      async () => (await findMetric(far, "tollgate_listen_channel_up")) === 1,
      "it listens again",
      30_000,
    );
  }
  console.info(`last let through after the acknowledgement, by the gateway whose LISTEN was\n  ${lines.join("\n  ")}`);
  const key = await makeKnownKey();
  const [nearMs = Number.NaN, farMs = Number.NaN] = await measureRevocation(near, [near, far], key, 50);
  expect(Math.max(nearMs, farMs)).toBeLessThanOrEqual(1_000);
});

async function findMetric(gateway: TollgateProcess, name: string): Promise<number> {
  const response = await gateway.call("GET", "/metrics", null);
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(await response.text())?.[1]);
}
