import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ApiKey } from "../../../server/core/api-key.ts";
import { configRuleSchema, type LimitRule, parseConfigRule } from "../../../server/core/limit-rule.ts";
import { type RuleCall, RuleSet } from "../../../server/limits/rule-set.ts";
import { listLimitsByPage, type WrittenRule } from "../../support/rule-oracle.ts";

/** Property: for any rules and calls, the limits that hold are those that the page says, in counters that never mix. */
const runs = process.env.TEST_TIER === "full" ? 200_000 : 20_000;

const each = "tensorzero::each";
const total = "tensorzero::total";
const entry = fc.oneof(
  fc.constantFrom(each, total, "keykeykeykey", "keykeykeykez").map((value) => ({ api_key_public_id: value })),
  fc.constantFrom(each, total, "ada", "bob").map((value) => ({ owner_id: value })),
  fc.constantFrom(each, total, "gpt", "gpt-*", "claude").map((value) => ({ model: value })),
  fc.constantFrom(each, total, "192.0.2.1").map((value) => ({ client_ip: value })),
  fc.constantFrom(each, total, "https://a.example").map((value) => ({ origin: value })),
  fc
    .record({ tag_key: fc.constantFrom("a", "b"), tag_value: fc.constantFrom(each, total, "1", "2") })
    .map((value) => ({ ...value })),
);
const rule: fc.Arbitrary<WrittenRule> = fc
  .record({
    rank: fc.constantFrom({ always: true }, { priority: 0 }, { priority: 1 }, { priority: 2 }),
    limits: fc.constantFrom(
      { requests_per_minute: 1 },
      { requests_per_minute: 2 },
      { tokens_per_day: 3, requests_per_day: 4 },
    ),
    scope: fc.array(entry, { maxLength: 3 }),
  })
  .map(({ rank, limits, scope }) => ({ ...rank, ...limits, scope }));
const tags = fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("1", "2", "3"), { noNullPrototype: true });
const key = fc.record({
  publicId: fc.constantFrom("keykeykeykey", "keykeykeykez"),
  ownerId: fc.constantFrom("ada", "bob", null),
  tags,
}) as unknown as fc.Arbitrary<ApiKey>;
const scene = fc.record({
  rules: fc.array(rule, { maxLength: 6 }),
  trust: fc.boolean(),
  key,
  calls: fc.array(
    fc.record({
      model: fc.constantFrom("gpt", "gpt-4", "claude"),
      clientIp: fc.constantFrom("192.0.2.1", "192.0.2.2"),
      origin: fc.constantFrom("https://a.example", "https://b.example", null),
      requestTags: tags,
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;
type Change = (rule: LimitRule) => LimitRule;

/** What is wrong with the answers of a set of rules; `null`: nothing. A fault may be planted into the rules of the product. */
function findFault({ rules, trust, key: caller, calls }: Scene, change: Change = (one) => one): string | null {
  const parsed = rules.map((one) => change(parseConfigRule(configRuleSchema.parse(one))));
  const set = new RuleSet({ rules: parsed, budgets: [], trustRequestTags: trust, version: 1 });
  const counters = new Map<string, string>();
  for (const facts of [...calls, ...calls]) {
    const call: RuleCall = { key: caller, ...facts };
    const wanted = listLimitsByPage(rules, call, trust);
    const buckets = set.findBuckets(call);
    const names = buckets.map(({ limit }) => `${limit.name}=${limit.limit}`).sort();
    if (names.join() !== wanted.map((text) => text.slice(0, text.indexOf(" "))).join())
      return `${names.join()} for ${wanted.join(" ")}`;
    // The same counter is the same limit on the same values, on every call.
    for (const { id, scope } of buckets) {
      const text = JSON.stringify(scope);
      if ((counters.get(id) ?? text) !== text) return `${id} is two counters`;
      counters.set(id, text);
    }
  }
  return null;
}

describe("which rules hold, for any rules and calls", () => {
  it(`as the page says: ${runs} scenes`, { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(scene, (one) => {
        const fault = findFault(one);
        if (fault !== null) throw new Error(fault);
      }),
      { numRuns: runs },
    );
    expect(runs).toBeGreaterThan(0);
  });

  const planted: [name: string, change: Change][] = [
    ["always is a priority", (one) => ({ ...one, priority: one.priority ?? 0 })],
    ["the lowest priority wins", (one) => ({ ...one, priority: one.priority === null ? null : 2 - one.priority })],
    ["one scope is enough", (one) => ({ ...one, scopes: one.scopes.slice(0, 1) })],
    ["total is each", (one) => ({ ...one, scopes: one.scopes.map((each) => ({ ...each, match: "each" as const })) })],
  ];
  it.each(planted)("planted fault: %s", (_name, change) => {
    const found = fc.check(
      fc.property(scene, (one) => findFault(one, change) === null),
      { numRuns: 5_000, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});
