import { afterEach, describe, expect, it } from "vitest";
import { parseKeyLimits } from "../../../server/core/rate-limit.ts";
import { RateLimiter } from "../../../server/limits/rate-limiter.ts";

let nowMs = 0;
const limiter = new RateLimiter(() => nowMs);
let scopes = 0;
const makeScope = () => `scope${++scopes}`;
const nothing = { requests: 1, inputTokens: 0, outputTokens: 0, cost: 0n };

function limits(of: Record<string, number>) {
  const parsed = parseKeyLimits(of);
  if (parsed === null) throw new Error("no limit");
  return parsed;
}

afterEach(() => limiter.close());

describe("RateLimiter", () => {
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
    const sizeBefore = limiter.size;
    const three = limits({ concurrent_requests: 3 });
    const grants = Array.from({ length: 5 }, () => limiter.reserve(scope, three, nothing, true));
    expect(grants.map(({ ok }) => ok)).toEqual([true, true, true, false, false]);
    expect(grants[3]).toMatchObject({ limit: null });
    for (const grant of grants) if (grant.ok) grant.settle(nothing);
    expect(limiter.size).toBe(sizeBefore);
  });

  it("refuses everything at a limit of 0", () => {
    const scope = makeScope();
    expect(limiter.reserve(scope, limits({ requests_per_day: 0 }), nothing, true)).toMatchObject({
      ok: false,
      waitMs: Number.POSITIVE_INFINITY,
    });
    expect(limiter.reserve(scope, limits({ concurrent_requests: 0 }), nothing, true).ok).toBe(false);
  });
});
