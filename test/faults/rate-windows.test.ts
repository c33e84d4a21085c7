import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { RateBucket } from "../../server/core/rate-limit.ts";
import type { RateWindows, SeedStep } from "../../server/limits/rate-windows.ts";
import type { RedisWindows } from "../../server/limits/redis-windows.ts";
import { type FaultProxy, openFaultProxy } from "../support/fault-proxy.ts";
import { findRedisLane } from "../support/redis-server.ts";
import { openRedisWindows, type RedisWindowsHarness } from "../support/redis-windows-harness.ts";
import { waitUntil } from "../support/wait-until.ts";

const instances = 3;
const windowMs = 5_000;
const one = { requests: 1, inputTokens: 0, outputTokens: 0, cost: 0n };
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let harness: RedisWindowsHarness;
let proxy: FaultProxy;
let opened: RedisWindows[] = [];
/** The ledger of the test: every admitted call, half a second late as the flusher is. */
let ledger: { atMs: number; isFlushed: boolean }[] = [];
let names = 0;

const loadSeed = (): Promise<readonly SeedStep[]> => {
  const nowMs = performance.now();
  return Promise.resolve(
    ledger
      .filter(({ atMs, isFlushed }) => isFlushed && atMs > nowMs - windowMs)
      .map(({ atMs }) => ({ firstAgeMs: nowMs - atMs, lastAgeMs: nowMs - atMs, amount: 1 })),
  );
};

async function openInstances(): Promise<void> {
  ledger = [];
  opened = [];
  for (let index = 0; index < instances; index++) {
    opened.push(await harness.open({ loadSeed, liveProcesses: () => instances, port: proxy.port }));
  }
  expect(opened.every(({ isShared }) => isShared)).toBe(true);
}

const makeBucket = (limit: number): RateBucket => ({
  id: `fault${names++}`,
  limit: { name: "requests_per_window", resource: "requests", windowMs, limit, refill: null },
  scope: {},
});

interface Traffic {
  stop(): Promise<{ latencyMs: number; atMs: number; ok: boolean; reason: string }[]>;
}

/** Calls on every instance until it is stopped. Each runs for a while, as calls do. */
function openTraffic(windows: readonly RateWindows[], bucket: RateBucket, everyMs: number): Traffic {
  const answers: { latencyMs: number; atMs: number; ok: boolean; reason: string }[] = [];
  let isOver = false;
  const loops = windows.map(async (each) => {
    while (!isOver) {
      const startedAtMs = performance.now();
      const answer = await each.reserve([bucket], [], one, true);
      const atMs = performance.now();
      answers.push({ latencyMs: atMs - startedAtMs, atMs, ok: answer.ok, reason: answer.ok ? "" : answer.reason });
      if (answer.ok) {
        const event = { atMs, isFlushed: false };
        ledger.push(event);
        setTimeout(() => {
          answer.settle(one);
          setTimeout(() => {
            event.isFlushed = true;
          }, 500);
        }, Math.random() * 300);
      }
      await sleep(everyMs);
    }
  });
  return {
    async stop() {
      isOver = true;
      await Promise.all(loops);
      return answers;
    },
  };
}

function countMost(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  let first = 0;
  let most = 0;
  for (const [index, atMs] of sorted.entries()) {
    while ((sorted[first] ?? atMs) <= atMs - windowMs) first++;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

const lanes = findRedisLane() ? ["Redis"] : [];
beforeAll(async () => {
  if (lanes.length === 0) return;
  harness = await openRedisWindows();
  proxy = await openFaultProxy({ host: "127.0.0.1", port: harness.server.port });
});
afterAll(async () => {
  if (lanes.length === 0) return;
  await proxy.close();
  await harness.close();
});
afterEach(async () => {
  for (const windows of opened) await windows.close();
});

interface Fault {
  name: string;
  /** Whether Redis keeps answering, so that no share is needed. */
  stays?: boolean;
  begin(): unknown;
  end(): unknown;
}

const faults: readonly Fault[] = [
  { name: "down", begin: () => harness.server.kill(), end: () => harness.server.start() },
  { name: "hung", begin: () => harness.client.call("CLIENT", "PAUSE", "2500", "ALL"), end: () => undefined },
  { name: "slow", begin: () => proxy.delay(500), end: () => proxy.resume() },
  { name: "behind a silent network", begin: () => proxy.blackhole(), end: () => proxy.resume() },
  { name: "emptied", stays: true, begin: () => harness.client.flushall(), end: () => undefined },
  {
    name: "read-only",
    begin: () => harness.client.replicaof("127.0.0.1", "1"),
    end: () => harness.client.replicaof("NO", "ONE"),
  },
];

describe.each(lanes)("%s", () => {
  it.each(faults)(
    "$name: traffic goes on, the limit holds, and it is back within 5 s",
    async ({ stays, begin, end }) => {
      await openInstances();
      const bucket = makeBucket(60);
      const traffic = openTraffic(opened, bucket, 10);
      await sleep(2_000);
      await begin();
      const faultAtMs = performance.now();
      if (stays !== true) {
        await waitUntil(() => opened.every(({ isShared }) => !isShared), "the breakers are open", 2_000);
      }
      const openAtMs = performance.now();
      await sleep(2_500 - (openAtMs - faultAtMs));
      await end();
      await waitUntil(() => opened.every(({ isShared }) => isShared), "Redis is used again", 5_000);
      const backAtMs = performance.now();
      await sleep(windowMs + 2_000);
      const answers = await traffic.stop();

      const admitted = answers.filter(({ ok }) => ok).map(({ atMs }) => atMs);
      expect(answers.filter(({ reason }) => reason === "store")).toHaveLength(0);
      const late = answers
        .filter(({ atMs }) => atMs > openAtMs)
        .map(({ latencyMs }) => latencyMs)
        .sort((a, b) => a - b);
      const p99Ms = late[Math.floor(late.length * 0.99)] ?? 0;
      const most = countMost(admitted);
      expect(most).toBeLessThanOrEqual(66);
      expect(p99Ms).toBeLessThanOrEqual(100);
      // Known keys are served again and again: neither everything nor nothing.
      expect(admitted.filter((atMs) => atMs > faultAtMs).length).toBeGreaterThan(30);
      expect(admitted.filter((atMs) => atMs > backAtMs).length).toBeGreaterThan(30);
    },
    60_000,
  );
});
