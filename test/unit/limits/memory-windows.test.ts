import { afterAll, describe, expect, it } from "vitest";
import { makeKeyLimits } from "../../../server/core/rate-limit.ts";
import { MemoryWindows } from "../../../server/limits/memory-windows.ts";
import type { RateAmounts, RateAnswer } from "../../../server/limits/rate-windows.ts";

let nowMs = 0;
const windows = new MemoryWindows({ nowMs: () => nowMs, loadSeed: null });
let scopes = 0;
const makeScope = () => `scope${++scopes}`;
const nothing = { requests: 1, inputTokens: 0, outputTokens: 0, cost: 0n };
const limits = (of: Record<string, number>) => of;
const limiter = {
  reserve(scope: string, of: Record<string, number>, amounts: RateAmounts, isBound: boolean): RateAnswer {
    const { buckets, slots } = makeKeyLimits(scope, of) ?? { buckets: [], slots: [] };
    const answer = windows.reserve(buckets, slots, amounts, isBound);
    if (answer instanceof Promise) throw new Error("counters in memory answer at once");
    return answer;
  },
};

afterAll(() => windows.close());

describe("MemoryWindows", () => {
  it("admits up to the limit and says when the next call fits", () => {
    const scope = makeScope();
    const two = limits({ requests_per_minute: 2 });
    expect(limiter.reserve(scope, two, nothing, true)).toMatchObject({ ok: true, states: [{ remaining: 1 }] });
    nowMs += 10_000;
    expect(limiter.reserve(scope, two, nothing, true)).toMatchObject({
      ok: true,
      states: [{ remaining: 0, resetMs: 60_000 }],
    });
    nowMs += 10_000;
    expect(limiter.reserve(scope, two, nothing, true)).toMatchObject({
      ok: false,
      limit: { name: "requests_per_minute" },
      waitMs: 40_000,
    });
    nowMs += 40_000;
    expect(limiter.reserve(scope, two, nothing, true).ok).toBe(true);
  });

  it("counts a call in all of its limits or in none", () => {
    const scope = makeScope();
    const both = limits({ requests_per_minute: 10, tokens_per_minute: 100 });
    expect(limiter.reserve(scope, both, { ...nothing, inputTokens: 90 }, true).ok).toBe(true);
    expect(limiter.reserve(scope, both, { ...nothing, inputTokens: 20 }, true)).toMatchObject({
      ok: false,
      limit: { name: "tokens_per_minute" },
      states: [{ remaining: 9 }, { remaining: 10 }],
    });
  });

  it("settles tokens and cost to what was used, and keeps the request", () => {
    const scope = makeScope();
    const all = limits({
      requests_per_minute: 5,
      tokens_per_minute: 1_000,
      output_tokens_per_day: 500,
      cost_per_month: 2,
    });
    const grant = limiter.reserve(
      scope,
      all,
      { ...nothing, inputTokens: 100, outputTokens: 400, cost: 1_500_000_000n },
      true,
    );
    if (!grant.ok) throw new Error("refused");
    grant.settle({ ...nothing, inputTokens: 10, outputTokens: 20, cost: 500_000_000n });
    expect(limiter.reserve(scope, all, nothing, true)).toMatchObject({
      states: [{ remaining: 3 }, { remaining: 970 }, { remaining: 480 }, { remaining: 1_500_000_000 }],
    });
  });

  it("takes a call back whole", () => {
    const scope = makeScope();
    const one = limits({ requests_per_minute: 1, concurrent_requests: 1 });
    const grant = limiter.reserve(scope, one, nothing, true);
    if (!grant.ok) throw new Error("refused");
    grant.undo();
    expect(limiter.reserve(scope, one, nothing, true).ok).toBe(true);
  });

  it("lets a call that could use more than the limit run alone", () => {
    const scope = makeScope();
    const small = limits({ tokens_per_minute: 100 });
    const grant = limiter.reserve(scope, small, { ...nothing, outputTokens: 16_384 }, true);
    if (!grant.ok) throw new Error("refused");
    expect(limiter.reserve(scope, small, { ...nothing, outputTokens: 1 }, true).ok).toBe(false);
    grant.settle({ ...nothing, outputTokens: 30 });
    expect(limiter.reserve(scope, small, { ...nothing, outputTokens: 70 }, true).ok).toBe(true);
  });

  it("refuses an exact amount that is larger than the limit, for ever", () => {
    const scope = makeScope();
    const small = limits({ tokens_per_minute: 100, requests_per_minute: 10 });
    expect(limiter.reserve(scope, small, { ...nothing, inputTokens: 101 }, false)).toMatchObject({
      ok: false,
      waitMs: Number.POSITIVE_INFINITY,
    });
    expect(limiter.reserve(scope, small, { ...nothing, requests: 10 }, false).ok).toBe(true);
    expect(limiter.reserve(scope, small, nothing, false).ok).toBe(false);
  });

  it("holds the number of running calls, and is at 0 when all have ended", () => {
    const scope = makeScope();
    const sizeBefore = windows.size;
    const three = limits({ concurrent_requests: 3 });
    const grants = Array.from({ length: 5 }, () => limiter.reserve(scope, three, nothing, true));
    expect(grants.map(({ ok }) => ok)).toEqual([true, true, true, false, false]);
    expect(grants[3]).toMatchObject({ reason: "slots" });
    for (const grant of grants) if (grant.ok) grant.settle(nothing);
    expect(windows.size).toBe(sizeBefore);
  });

  it("refuses everything at a limit of 0", () => {
    const scope = makeScope();
    expect(limiter.reserve(scope, limits({ requests_per_day: 0 }), nothing, true)).toMatchObject({
      ok: false,
      waitMs: Number.POSITIVE_INFINITY,
    });
    expect(limiter.reserve(scope, limits({ concurrent_requests: 0 }), nothing, true).ok).toBe(false);
  });

  it("cannot be ended twice", () => {
    const grant = limiter.reserve(makeScope(), limits({ requests_per_minute: 1 }), nothing, true);
    if (!grant.ok) throw new Error("refused");
    grant.settle(nothing);
    expect(() => grant.undo()).toThrow("twice");
  });

  it("asks the ledger once for a window that reaches back before it was made, and for no other", async () => {
    const asked: string[] = [];
    const seeded = new MemoryWindows({
      nowMs: () => nowMs,
      loadSeed: ({ id }) => {
        asked.push(id);
        return Promise.resolve([{ firstAgeMs: 20_000, lastAgeMs: 20_000, amount: 4 }]);
      },
    });
    const { buckets } = makeKeyLimits("seeded", { requests_per_minute: 5, requests_per_second: 5 }) ?? { buckets: [] };
    nowMs += 2_000;
    const [first, second] = await Promise.all([
      seeded.reserve(buckets, [], nothing, true),
      seeded.reserve(buckets, [], nothing, true),
    ]);
    expect([first.ok, second.ok]).toEqual([true, false]);
    expect(second).toMatchObject({ reason: "limit", limit: { name: "requests_per_minute" }, waitMs: 40_000 });
    expect(new Set(asked)).toEqual(new Set(["key:seeded:requests_per_minute"]));
    expect(seeded.reserve(buckets, [], nothing, true)).toMatchObject({ ok: false });
    await seeded.close();
  });

  it("refuses, and says that it is a store's fault, where the ledger cannot be read", async () => {
    const blind = new MemoryWindows({ nowMs: () => nowMs, loadSeed: () => Promise.reject(new Error("away")) });
    const { buckets } = makeKeyLimits("blind", { requests_per_minute: 5 }) ?? { buckets: [] };
    expect(await blind.reserve(buckets, [], nothing, true)).toMatchObject({ ok: false, reason: "store" });
    expect(await blind.list(buckets)).toEqual([]);
    await blind.close();
  });

  it("lets each of three processes that count for themselves have its share", () => {
    const each = Array.from(
      { length: 3 },
      () => new MemoryWindows({ nowMs: () => nowMs, loadSeed: null, processes: () => 3 }),
    );
    const { buckets, slots } = makeKeyLimits("shared", { requests_per_minute: 10, concurrent_requests: 7 }) ?? {
      buckets: [],
      slots: [],
    };
    const admitted = each.map(
      (one) =>
        Array.from({ length: 10 }, () => one.reserve(buckets, [], nothing, true)).filter((a) => "ok" in a && a.ok)
          .length,
    );
    expect(admitted).toEqual([3, 3, 3]);
    nowMs += 60_000;
    const running = each.map(
      (one) =>
        Array.from({ length: 10 }, () => one.reserve([], slots, nothing, true)).filter((a) => "ok" in a && a.ok).length,
    );
    expect(running).toEqual([2, 2, 2]);
  });
});
