import { describe, expect, it } from "vitest";
import type { ApiKey } from "../../../server/core/api-key.ts";
import {
  findOwnerPlan,
  findPlan,
  findPlanProblems,
  isForbiddenToMembers,
  type KeyOwner,
  makeEffectiveKey,
  makePlannedLimits,
  type Plan,
} from "../../../server/core/plan.ts";

const usd = 1_000_000_000n;
const free: Plan = {
  name: "free",
  keysMax: 2,
  budgetNanoUsd: 5n * usd,
  requestsPerMinuteMax: 30,
  models: ["*"],
  mayRotate: true,
};
const open: Plan = { ...free, name: "open", budgetNanoUsd: null, requestsPerMinuteMax: null };
const plans = new Map([free, open].map((plan) => [plan.name, plan]));
const member: KeyOwner = { role: "member", plan: "free", isDisabled: false };
const key: ApiKey = {
  state: "active",
  permissions: ["ai:inference"],
  budgets: [],
  rateLimits: {},
} as unknown as ApiKey;

describe("which plan holds", () => {
  it("is the one by its name, else the first", () => {
    expect(findPlan(plans, "open")).toBe(open);
    expect(findPlan(plans, "gone")).toBe(free);
    expect(() => findPlan(new Map(), "free")).toThrow("at least one plan");
  });

  it("is none for nobody and for admins", () => {
    expect(findOwnerPlan(plans, null)).toBeNull();
    expect(findOwnerPlan(plans, { ...member, role: "admin" })).toBeNull();
    expect(findOwnerPlan(plans, member)).toBe(free);
  });
});

it("knows what no key of a member can hold", () => {
  const bad = ["*", "admin:*", "admin:keys", "admin:usage", "admin:own", "keys:verify", "keys:*"];
  expect(bad.filter(isForbiddenToMembers)).toEqual(bad);
  expect(["ai:*", "ai:inference", "data:admin", "vec:delete", "files:*"].filter(isForbiddenToMembers)).toEqual([]);
});

describe("the limits of a plan", () => {
  it("fill in what is not said, beside what is", () => {
    const day = { limitNanoUsd: usd, period: "day" };
    expect(makePlannedLimits(free, { budgets: [day], rateLimits: { tokens_per_day: 9 } })).toEqual({
      budgets: [day, { limitNanoUsd: 5n * usd, period: "30d" }],
      rateLimits: { tokens_per_day: 9, requests_per_minute: 30 },
    });
    const own = { budgets: [{ limitNanoUsd: 1n, period: "30d" }], rateLimits: { requests_per_minute: 0 } };
    expect(makePlannedLimits(free, own)).toEqual(own);
    expect(makePlannedLimits(open, key)).toEqual({ budgets: [], rateLimits: {} });
  });

  it("are met or named, to the last nano-USD", () => {
    const at = { budgets: [{ limitNanoUsd: 5n * usd, period: "30d" }], rateLimits: { requests_per_minute: 30 } };
    expect(findPlanProblems(free, at)).toEqual([]);
    const above = {
      budgets: [
        { limitNanoUsd: 9n * usd, period: "total" },
        { limitNanoUsd: 5n * usd + 1n, period: "30d" },
      ],
      rateLimits: { requests_per_minute: 31 },
    };
    expect(findPlanProblems(free, above)).toEqual([
      { path: "budgets[1].limit_usd", message: expect.stringContaining("at most 5 USD per 30d") },
      { path: "rate_limits.requests_per_minute", message: expect.stringContaining("at most 30") },
    ]);
    expect(findPlanProblems(open, above)).toEqual([]);
  });
});

describe("the key as it holds now", () => {
  it("is the key itself where it belongs to nobody", () => {
    expect(makeEffectiveKey(key, null, null)).toBe(key);
  });

  it("is disabled with its owner, and stays what it was otherwise", () => {
    const disabled = { ...member, isDisabled: true };
    expect(makeEffectiveKey(key, disabled, free).state).toBe("disabled");
    expect(makeEffectiveKey(key, { ...disabled, role: "admin" }, null).state).toBe("disabled");
    expect(makeEffectiveKey({ ...key, state: "revoked" }, disabled, free).state).toBe("revoked");
    expect(makeEffectiveKey(key, member, free).state).toBe("active");
  });

  it("is cut down to a plan that allows less than when it was made", () => {
    const rich: ApiKey = {
      ...key,
      permissions: ["*", "ai:inference", "keys:verify"],
      budgets: [
        { limitNanoUsd: 100n * usd, period: "30d" },
        { limitNanoUsd: 7n * usd, period: "day" },
      ],
      rateLimits: { requests_per_minute: 300, tokens_per_minute: 1 },
    };
    expect(makeEffectiveKey(rich, member, free)).toMatchObject({
      permissions: ["vec:*", "kev:*", "data:*", "ai:*", "files:*", "ai:inference"],
      budgets: [
        { limitNanoUsd: 5n * usd, period: "30d" },
        { limitNanoUsd: 7n * usd, period: "day" },
      ],
      rateLimits: { requests_per_minute: 30, tokens_per_minute: 1 },
    });
    expect(makeEffectiveKey(rich, { ...member, role: "admin" }, null)).toMatchObject({ permissions: rich.permissions });
  });
});
