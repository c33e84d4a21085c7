import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeKeyLimits, type RateBucket } from "../../../server/core/rate-limit.ts";
import { MemoryWindows } from "../../../server/limits/memory-windows.ts";
import type { LoadSeed, RateGrant, RateWindows } from "../../../server/limits/rate-windows.ts";
import { findRedisLane } from "../../support/redis-server.ts";
import { openRedisWindows, type RedisWindowsHarness } from "../../support/redis-windows-harness.ts";

interface Lane {
  name: string;
  open(loadSeed?: LoadSeed): Promise<RateWindows>;
}

let redis: RedisWindowsHarness | null = null;
const opened: RateWindows[] = [];
const hasRedis = findRedisLane();
beforeAll(async () => {
  if (hasRedis) redis = await openRedisWindows();
});
afterAll(async () => {
  for (const windows of opened) await windows.close();
  await redis?.close();
});

const lanes: Lane[] = [
  {
    name: "memory",
    open: (loadSeed) =>
      Promise.resolve(new MemoryWindows({ nowMs: () => performance.now(), loadSeed: loadSeed ?? null })),
  },
  ...(hasRedis
    ? [
        {
          name: "Redis",
          open: (loadSeed?: LoadSeed) => (redis as RedisWindowsHarness).open({ loadSeed: loadSeed ?? null }),
        },
      ]
    : []),
];

let names = 0;
const limitsOf = (of: Record<string, number>) => {
  const made = makeKeyLimits(`k${names++}`, of);
  if (made === null) throw new Error("no limit");
  return made;
};
const bucketOf = (limit: number, refill: number | null, windowMs = 1_000): RateBucket => ({
  id: `bucket${names++}`,
  limit: { name: "tokens_per_second", resource: "tokens", windowMs, limit, refill },
  scope: {},
});
const one = { requests: 1, inputTokens: 0, outputTokens: 0, cost: 0n };
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const turn = () => sleep(20);

describe.each(lanes)("rate windows in $name", ({ open }) => {
  let windows: RateWindows;
  beforeAll(async () => {
    windows = await open();
    opened.push(windows);
  });
  const reserve = async (limits: ReturnType<typeof limitsOf>, amounts = one, isBound = true) =>
    windows.reserve(limits.buckets, limits.slots, amounts, isBound);
  const grant = async (limits: ReturnType<typeof limitsOf>, amounts = one): Promise<RateGrant> => {
    const answer = await reserve(limits, amounts);
    if (!answer.ok) throw new Error(`refused: ${answer.reason}`);
    return answer;
  };

  it("admits up to the limit, tells what is left, and lets the next one in when it said", async () => {
    const two = limitsOf({ requests_per_second: 2 });
    expect(await reserve(two)).toMatchObject({ ok: true, states: [{ remaining: 1 }] });
    expect(await reserve(two)).toMatchObject({ ok: true, states: [{ remaining: 0 }] });
    const refused = await reserve(two);
    expect(refused).toMatchObject({ ok: false, reason: "limit", limit: { name: "requests_per_second" } });
    const { waitMs } = refused as { waitMs: number };
    expect(waitMs).toBeGreaterThan(500);
    expect(waitMs).toBeLessThanOrEqual(1_000);
    await sleep(waitMs + 2);
    expect((await reserve(two)).ok).toBe(true);
  });

  it("counts a call in all of its limits or in none", async () => {
    const both = limitsOf({ requests_per_minute: 10, tokens_per_minute: 100 });
    await grant(both, { ...one, inputTokens: 90 });
    expect(await reserve(both, { ...one, inputTokens: 20 })).toMatchObject({
      ok: false,
      limit: { name: "tokens_per_minute" },
      states: [{ remaining: 9 }, { remaining: 10 }],
    });
    expect(await windows.list(both.buckets)).toMatchObject([{ remaining: 9 }, { remaining: 10 }]);
  });

  it("settles tokens and cost, up and down, and keeps the request", async () => {
    const all = limitsOf({
      requests_per_minute: 5,
      tokens_per_minute: 1_000,
      output_tokens_per_day: 500,
      cost_per_month: 2,
    });
    const first = await grant(all, { ...one, inputTokens: 100, outputTokens: 400, cost: 1_500_000_000n });
    const second = await grant(all, { ...one, inputTokens: 1, outputTokens: 1 });
    first.settle({ ...one, inputTokens: 10, outputTokens: 20, cost: 500_000_000n });
    second.settle({ ...one, inputTokens: 100, outputTokens: 50 });
    await turn();
    expect(await windows.list(all.buckets)).toMatchObject([
      { remaining: 3 },
      { remaining: 820 },
      { remaining: 430 },
      { remaining: 1_500_000_000 },
    ]);
  });

  it("settles what lies in an older step of the window", async () => {
    const tokens = { buckets: [bucketOf(1_000, null, 60_000)], slots: [] };
    const grants: RateGrant[] = [];
    for (let index = 0; index < 4; index++) {
      grants.push(await grant(tokens, { ...one, inputTokens: 200 }));
      await sleep(240);
    }
    grants[1]?.settle({ ...one, inputTokens: 10 });
    grants[0]?.undo();
    await turn();
    expect(await windows.list(tokens.buckets)).toMatchObject([{ remaining: 1_000 - 400 - 10 }]);
  });

  it("takes a call back whole", async () => {
    const single = limitsOf({ requests_per_minute: 1, concurrent_requests: 1 });
    (await grant(single)).undo();
    await turn();
    expect((await reserve(single)).ok).toBe(true);
  });

  it("holds the number of running calls", async () => {
    const three = limitsOf({ concurrent_requests: 3 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => reserve(three)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(3);
    expect(answers.find(({ ok }) => !ok)).toMatchObject({ reason: "slots" });
    for (const answer of answers) if (answer.ok) answer.settle(one);
    await turn();
    expect((await reserve(three)).ok).toBe(true);
  });

  it("lets a bound that is larger than the limit run alone, and refuses an exact amount for ever", async () => {
    const small = limitsOf({ tokens_per_minute: 100 });
    const large = await grant(small, { ...one, outputTokens: 16_384 });
    expect((await reserve(small, { ...one, outputTokens: 1 })).ok).toBe(false);
    large.settle({ ...one, outputTokens: 30 });
    await turn();
    expect((await reserve(small, { ...one, outputTokens: 70 })).ok).toBe(true);
    expect(await reserve(small, { ...one, outputTokens: 101 }, false)).toMatchObject({
      waitMs: Number.POSITIVE_INFINITY,
    });
  });

  it.each([{ requests_per_day: 0 }, { tokens_per_day: 0 }, { cost_per_day: 0 }, { concurrent_requests: 0 }])(
    "lets nothing through at %j",
    async (limits) => expect((await reserve(limitsOf(limits as Record<string, number>))).ok).toBe(false),
  );

  it("has a token bucket's capacity at once, refills it evenly, and lets it fall below 0", async () => {
    const bucket = { buckets: [bucketOf(100, 200)], slots: [] };
    const whole = await grant(bucket, { ...one, inputTokens: 100 });
    const refused = await reserve(bucket, { ...one, inputTokens: 20 });
    expect(refused).toMatchObject({ ok: false, reason: "limit" });
    const { waitMs } = refused as { waitMs: number };
    expect(waitMs).toBeGreaterThan(80);
    expect(waitMs).toBeLessThanOrEqual(100);
    await sleep(waitMs + 2);
    expect((await reserve(bucket, { ...one, inputTokens: 20 })).ok).toBe(true);
    whole.settle({ ...one, inputTokens: 160 });
    await turn();
    const later = (await reserve(bucket, { ...one, inputTokens: 20 })) as { waitMs: number };
    expect(later.waitMs).toBeGreaterThan(300);
    expect(await windows.list(bucket.buckets)).toMatchObject([{ remaining: 0 }]);
  });

  it("seeds a bucket from the ledger once, before the first decision", async () => {
    const asked: string[] = [];
    const seeded = await open(async ({ id }) => {
      asked.push(id);
      await sleep(20);
      return [
        { firstAgeMs: 40_000, lastAgeMs: 39_800, amount: 2 },
        { firstAgeMs: 59_000, lastAgeMs: 59_000, amount: 1 },
        { firstAgeMs: 1_000, lastAgeMs: 1_000, amount: 1 },
      ].sort((a, b) => b.firstAgeMs - a.firstAgeMs);
    });
    opened.push(seeded);
    const five = limitsOf({ requests_per_minute: 5 });
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () => await seeded.reserve(five.buckets, [], one, true)),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    const refused = answers.find(({ ok }) => !ok) as { waitMs: number };
    expect(refused.waitMs).toBeGreaterThan(500);
    expect(refused.waitMs).toBeLessThan(1_001);
    const before = asked.length;
    await sleep(1_050);
    // The oldest use is out, the others still count.
    expect((await seeded.reserve(five.buckets, [], one, true)).ok).toBe(true);
    expect(await seeded.reserve(five.buckets, [], one, true)).toMatchObject({ ok: false });
    expect(asked.length).toBe(before);
  });

  it("refuses, and says that a store is at fault, where the ledger cannot be read", async () => {
    const blind = await open(() => Promise.reject(new Error("away")));
    opened.push(blind);
    expect(await blind.reserve(limitsOf({ requests_per_minute: 5 }).buckets, [], one, true)).toMatchObject({
      ok: false,
      reason: "store",
    });
  });

  it("never ends a grant twice", async () => {
    const once = await grant(limitsOf({ requests_per_minute: 5 }));
    once.settle(one);
    expect(() => once.settle(one)).toThrow("twice");
  });
});
