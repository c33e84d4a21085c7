import { describe, expect, it } from "vitest";
import type { z } from "zod";
import type { ApiKey } from "../../../server/core/api-key.ts";
import { configRuleSchema, parseConfigRule } from "../../../server/core/limit-rule.ts";
import { type RuleCall, RuleSet } from "../../../server/limits/rule-set.ts";

type Rule = z.input<typeof configRuleSchema>;

function makeSet(rules: readonly Rule[], trustRequestTags = false): RuleSet {
  const parsed = rules.map((rule) => parseConfigRule(configRuleSchema.parse(rule)));
  return new RuleSet({ rules: parsed, budgets: [], trustRequestTags, version: 1 });
}

function makeKey(more: Partial<Record<keyof ApiKey, unknown>> = {}): ApiKey {
  return { publicId: "k3x9q2m7a1bc", ownerId: null, tags: {}, ...more } as ApiKey;
}

function makeCall(more: Partial<RuleCall> = {}): RuleCall {
  return { key: makeKey(), model: "gpt", clientIp: "192.0.2.1", origin: null, requestTags: {}, ...more };
}

const idsOf = (set: RuleSet, call: Partial<RuleCall> = {}) => set.findBuckets(makeCall(call)).map(({ id }) => id);
const limitsOf = (set: RuleSet, call: Partial<RuleCall> = {}) =>
  set.findBuckets(makeCall(call)).map(({ limit }) => `${limit.name}=${limit.limit}`);

const each = "tensorzero::each";
const total = "tensorzero::total";

describe("which rules hold for a call", () => {
  it("none without rules, and without looking at the key", () => {
    expect(makeSet([]).findBuckets(makeCall())).toEqual([]);
  });

  it("without a scope: all calls, one counter", () => {
    const set = makeSet([{ priority: 0, requests_per_minute: 5 }]);
    expect(idsOf(set)).toEqual(["requests_per_minute=5|"]);
    expect(idsOf(set, { key: makeKey({ publicId: "aaaaaaaaaaaa" }) })).toEqual(["requests_per_minute=5|"]);
    expect(set.findBuckets(makeCall())[0]?.scope).toEqual({});
  });

  it("the highest priority among those that match wins, and all of that priority hold", () => {
    const set = makeSet([
      { priority: 1, requests_per_minute: 10 },
      { priority: 1, tokens_per_day: 20 },
      { priority: 0, requests_per_minute: 99 },
      { priority: 2, requests_per_minute: 1, scope: [{ tag_key: "tier", tag_value: "gold" }] },
    ]);
    expect(limitsOf(set)).toEqual(["requests_per_minute=10", "tokens_per_day=20"]);
    expect(limitsOf(set, { key: makeKey({ tags: { tier: "gold" } }) })).toEqual(["requests_per_minute=1"]);
  });

  it("an always rule holds beside the winner, whatever it is", () => {
    const set = makeSet([
      { always: true, requests_per_minute: 100 },
      { priority: 5, requests_per_minute: 10 },
      { priority: 6, requests_per_minute: 3, scope: [{ model: "gpt-*" }] },
      { always: true, cost_per_day: "0.5", scope: [{ model: "gpt-5" }] },
    ]);
    expect(limitsOf(set, { model: "other" })).toEqual(["requests_per_minute=100", "requests_per_minute=10"]);
    expect(limitsOf(set, { model: "gpt-4" })).toEqual(["requests_per_minute=100", "requests_per_minute=3"]);
    expect(limitsOf(set, { model: "gpt-5" })).toEqual([
      "requests_per_minute=100",
      "cost_per_day=500000000",
      "requests_per_minute=3",
    ]);
  });

  it("a rule of the winning priority that needs the call stands beside one that does not", () => {
    const set = makeSet([
      { priority: 1, requests_per_minute: 10 },
      { priority: 1, requests_per_hour: 7, scope: [{ origin: each }] },
      { priority: 0, requests_per_day: 1, scope: [{ client_ip: each }] },
    ]);
    expect(limitsOf(set)).toEqual(["requests_per_minute=10"]);
    expect(limitsOf(set, { origin: "https://a.example.com" })).toEqual([
      "requests_per_minute=10",
      "requests_per_hour=7",
    ]);
  });

  it("all scopes of a rule must match", () => {
    const set = makeSet([
      { priority: 0, requests_per_minute: 5, scope: [{ owner_id: "ada" }, { tag_key: "team", tag_value: each }] },
    ]);
    expect(idsOf(set, { key: makeKey({ ownerId: "ada" }) })).toEqual([]);
    expect(idsOf(set, { key: makeKey({ tags: { team: "x" } }) })).toEqual([]);
    expect(idsOf(set, { key: makeKey({ ownerId: "ada", tags: { team: "x" } }) })).toEqual([
      "requests_per_minute=5|owner=ada|tag:team=x",
    ]);
  });

  it("what a call does not have matches neither each nor total", () => {
    const scopes = [
      [{ owner_id: each }],
      [{ owner_id: total }],
      [{ origin: total }],
      [{ tag_key: "t", tag_value: total }],
    ];
    for (const scope of scopes) {
      expect(idsOf(makeSet([{ always: true, requests_per_minute: 5, scope }])), JSON.stringify(scope)).toEqual([]);
    }
    const tagged = makeSet([
      { always: true, requests_per_minute: 5, scope: [{ tag_key: "toString", tag_value: each }] },
    ]);
    expect(idsOf(tagged)).toEqual([]);
    expect(idsOf(tagged, { key: makeKey({ tags: { toString: "" } }) })).toHaveLength(1);
  });

  it("per minute and per day on one scope are two counters; the same rule twice is one", () => {
    const scope = [{ api_key_public_id: each }];
    const set = makeSet([
      { priority: 0, requests_per_minute: 5, requests_per_day: 50, scope },
      { priority: 0, requests_per_minute: 5, scope: [...scope, ...scope] },
    ]);
    expect(idsOf(set)).toEqual(["requests_per_minute=5|key=k3x9q2m7a1bc", "requests_per_day=50|key=k3x9q2m7a1bc"]);
  });

  it("a token bucket says its capacity and its refill", () => {
    const set = makeSet([{ priority: 0, tokens_per_day: { capacity: 10, refill_rate: 4 } }]);
    expect(set.findBuckets(makeCall())[0]).toMatchObject({
      id: "tokens_per_day=10/4|",
      limit: { limit: 10, refill: 4, windowMs: 86_400_000 },
    });
  });
});

describe("what is counted together", () => {
  it("each: one counter for every value; total: one for all; a pattern: one for all that match", () => {
    const by = (value: string, model: string) =>
      idsOf(makeSet([{ always: true, requests_per_minute: 5, scope: [{ model: value }] }]), { model })[0];
    expect(by(each, "a")).toBe("requests_per_minute=5|model=a");
    expect(by(each, "b")).toBe("requests_per_minute=5|model=b");
    expect(by("tollgate::total", "a")).toBe("requests_per_minute=5|model~");
    expect(by("gpt-*", "gpt-4")).toBe(by("gpt-*", "gpt-5"));
    expect(by("gpt-*", "claude")).toBeUndefined();
  });

  it("the ledger finds what each counter counted", () => {
    const scope = [
      { api_key_public_id: each },
      { owner_id: each },
      { tag_key: "team", tag_value: each },
      { tag_key: "tier", tag_value: each },
      { model: each },
      { client_ip: each },
      { origin: each },
    ];
    const set = makeSet([{ always: true, requests_per_minute: 5, scope }], true);
    const key = makeKey({ ownerId: "ada", tags: { team: "x" } });
    const call = makeCall({ key, origin: "https://a.example.com", requestTags: { tier: "free" } });
    expect(set.findBuckets(call)[0]?.scope).toEqual({
      publicId: "k3x9q2m7a1bc",
      ownerId: "ada",
      keyTags: { team: "x" },
      requestTags: { tier: "free" },
      model: "gpt",
      clientIp: "192.0.2.1",
      origin: "https://a.example.com",
    });
  });

  it("in whatever order rules name their scopes", () => {
    const scope = [{ tag_key: "b", tag_value: each }, { origin: each }, { api_key_public_id: each }];
    const rule = { always: true, requests_per_minute: 2 } as const;
    const call = { key: makeKey({ tags: { a: "1", b: "2" } }), origin: "https://b.example" };
    const other = { tag_key: "a", tag_value: "1" };
    const texts = [
      [...scope, other],
      [other, ...scope.toReversed()],
    ].map((one) => JSON.stringify(makeSet([{ ...rule, scope: one }]).findBuckets(makeCall(call))));
    expect(texts[0]).toContain("requests_per_minute=2|key=k3x9q2m7a1bc|origin=https%3A%2F%2Fb.example|tag:a=1|tag:b=2");
    expect(texts[1]).toBe(texts[0]);
  });

  it("no odd text makes two counters one, nor two of one", () => {
    const scope = [{ tag_key: "a", tag_value: each }, { model: each }];
    const set = makeSet([{ always: true, requests_per_minute: 5, scope }], true);
    const odd = [
      "x",
      "x|model=y",
      "x%7C",
      "~",
      "*=",
      "=",
      "",
      "\ud800",
      "\ufffd",
      '$"',
      '"\\ud800"',
      "%22",
      "x;1:y",
      "é",
    ];
    const ids = odd.flatMap((tag) =>
      odd.filter((model) => model !== "").map((model) => idsOf(set, { requestTags: { a: tag }, model })[0]),
    );
    expect(new Set(ids).size).toBe(odd.length * (odd.length - 1));
    const again = odd.flatMap((tag) =>
      odd.filter((model) => model !== "").map((model) => idsOf(set, { requestTags: { a: tag }, model })[0]),
    );
    expect(again).toEqual(ids);
  });

  it("an address is compared by what it is, not by how it is written", () => {
    const set = makeSet([{ always: true, requests_per_minute: 5, scope: [{ client_ip: "2001:DB8:0:0::1" }] }]);
    expect(idsOf(set, { clientIp: "2001:db8::1" })).toHaveLength(1);
    expect(idsOf(set, { clientIp: "2001:db8::2" })).toHaveLength(0);
  });
});

describe("request tags", () => {
  const rules: Rule[] = [{ always: true, requests_per_minute: 5, scope: [{ tag_key: "user", tag_value: each }] }];

  it("count only where they are trusted", () => {
    expect(idsOf(makeSet(rules), { requestTags: { user: "1" } })).toEqual([]);
    expect(idsOf(makeSet(rules, true), { requestTags: { user: "1" } })).toEqual([
      "requests_per_minute=5|request-tag:user=1",
    ]);
  });

  it("a key-bound tag of the name wins, and has its own counter", () => {
    const key = makeKey({ tags: { user: "bound" } });
    for (const trust of [true, false]) {
      expect(idsOf(makeSet(rules, trust), { key, requestTags: { user: "1" } })).toEqual([
        "requests_per_minute=5|tag:user=bound",
      ]);
    }
  });
});

describe("what is remembered", () => {
  it("the same array while nothing that a rule looks at differs", () => {
    const set = makeSet([
      { priority: 0, requests_per_minute: 5, scope: [{ api_key_public_id: each }] },
      { always: true, requests_per_hour: 5, scope: [{ model: "special" }] },
    ]);
    const key = makeKey();
    const first = set.findBuckets(makeCall({ key }));
    expect(set.findBuckets(makeCall({ key, clientIp: "192.0.2.9" }))).toBe(first);
    expect(set.findBuckets(makeCall({ key, model: "special" }))).toHaveLength(2);
    expect(set.findBuckets(makeCall({ key: makeKey({ tags: { a: "b" } }) }))).not.toBe(first);
  });

  it("however many values clients send, no more than a few answers of a key are kept", () => {
    const set = makeSet([{ always: true, requests_per_minute: 5, scope: [{ client_ip: each }] }]);
    const key = makeKey();
    const ids = Array.from(
      { length: 1_000 },
      (_, n) => set.findBuckets(makeCall({ key, clientIp: `10.0.${n >> 8}.${n & 255}` }))[0]?.id,
    );
    expect(new Set(ids).size).toBe(1_000);
  });
});
