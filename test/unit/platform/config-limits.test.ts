import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { makeWireBudget } from "../../../server/core/budget-rule.ts";
import { makeWireRule, parseWireRule, wireRuleSchema } from "../../../server/core/limit-rule.ts";
import type { ConfigMistake } from "../../../server/platform/config-error.ts";
import { parseBudgets, parseRateLimiting } from "../../../server/platform/config-limits.ts";

function read(toml: string) {
  const sections = parse(toml);
  const mistakes: ConfigMistake[] = [];
  const rateLimiting = parseRateLimiting({ value: sections.rate_limiting, path: ["rate_limiting"] }, mistakes);
  const budgets = parseBudgets({ value: sections.budgets, path: ["budgets"] }, mistakes);
  return { rateLimiting, budgets, mistakes };
}

const rule = (text: string) => read(`[[rate_limiting.rules]]\n${text}`);
const told = ({ mistakes }: { mistakes: ConfigMistake[] }) =>
  mistakes.map(({ path, found, allowed }) => `${path}: ${found}; ${allowed}`);

describe("[rate_limiting]", () => {
  it("takes TensorZero's section as it is", () => {
    const { rateLimiting, mistakes } = read(`
[rate_limiting]
enabled = true
backend = "auto"
default_cost = 1.0

[[rate_limiting.rules]]
model_inferences_per_minute = 10
tokens_per_day = { capacity = 1000, refill_rate = 10 }
cost_per_month = 10.0
priority = 0
scope = [ { tag_key = "user_id", tag_value = "tensorzero::each" }, { api_key_public_id = "tensorzero::each" } ]

[[rate_limiting.rules]]
always = true
cost_per_day = { capacity = 0.1, refill_rate = "0.000000001" }
scope = [ { tag_key = "user_id", tag_value = "tensorzero::total" } ]
`);
    expect(mistakes).toEqual([]);
    expect(rateLimiting.rules[0]).toEqual({
      priority: 0,
      limits: [
        {
          name: "model_inferences_per_minute",
          resource: "model_inferences",
          windowMs: 60_000,
          limit: 10,
          refill: null,
        },
        { name: "tokens_per_day", resource: "tokens", windowMs: 86_400_000, limit: 1_000, refill: 10 },
        { name: "cost_per_month", resource: "cost", windowMs: 30 * 86_400_000, limit: 10e9, refill: null },
      ],
      scopes: [
        { kind: "tag", tagKey: "user_id", match: "each", value: "" },
        { kind: "api_key_public_id", tagKey: "", match: "each", value: "" },
      ],
    });
    expect(rateLimiting.rules[1]).toMatchObject({ priority: null, limits: [{ limit: 100_000_000, refill: 1 }] });
  });

  it("is complete when it is left out", () => {
    expect(read("").rateLimiting).toEqual({ enabled: true, trustRequestTags: false, rules: [] });
  });

  it("a rule reads again what it writes", () => {
    const { rateLimiting } = rule(`
priority = 7
cost_per_day = { capacity = 12.34, refill_rate = "0.000000001" }
requests_per_second = 0
scope = [ { owner_id = "ada" }, { model = "gpt-*" }, { client_ip = "2001:db8::1" }, { origin = "https://A.example.com" },
  { tag_key = "t", tag_value = "" }, { tag_key = "t", tag_value = "tollgate::total" } ]`);
    const [one] = rateLimiting.rules;
    expect(one?.scopes).toHaveLength(6);
    expect(
      parseWireRule(wireRuleSchema.parse(JSON.parse(JSON.stringify(one === undefined ? {} : makeWireRule(one))))),
    ).toEqual(one);
  });

  it("tells every mistake of every rule at once, with place, what was found and what is allowed", () => {
    expect(
      told(
        read(`
[rate_limiting]
enabeld = true
[[rate_limiting.rules]]
model_inferences_per_hour = -1
tokens_per_fortnight = 5
cost_per_day = "1.0000000001"
scope = [ { api_key_public_id = "short" }, { tag_key = "a" }, { owner_id = "x", model = "y" }, {}, { organization = "z" } ]
[[rate_limiting.rules]]
priority = 1
always = true
[[rate_limiting.rules]]
priority = 1.5
requests_per_minute = { capacity = 5 }
scope = [ { tag_key = "tensorzero::x", tag_value = "tensorzero::some" }, { client_ip = "nowhere" }, { origin = "a/b" } ]
`),
      ),
    ).toMatchInlineSnapshot(`
      [
        "rate_limiting.rules[0].scope[0].api_key_public_id: a text of 5 characters; must be 12 letters or digits, tensorzero::each or tensorzero::total",
        "rate_limiting.rules[0].scope[1].tag_value: missing; must be given with tag_key",
        "rate_limiting.rules[0].scope[2]: found a table; must name one thing; write several as several entries, which must all match",
        "rate_limiting.rules[0].scope[3]: found a table; must name one of api_key_public_id, tag_key, owner_id, model, client_ip, origin",
        "rate_limiting.rules[0].scope[4].organization: unknown key; allowed: api_key_public_id, tag_key, tag_value, owner_id, model, client_ip, origin",
        "rate_limiting.rules[0].scope[4]: found a table; must name one of api_key_public_id, tag_key, owner_id, model, client_ip, origin",
        "rate_limiting.rules[0].model_inferences_per_hour: found -1; must be at least 0",
        "rate_limiting.rules[0].cost_per_day: found "1.0000000001"; must be an amount in USD, or { capacity = …, refill_rate = … }",
        "rate_limiting.rules[0].tokens_per_fortnight: unknown key; allowed: priority, always, scope, model_inferences_per_second, model_inferences_per_minute, model_inferences_per_hour, model_inferences_per_day, model_inferences_per_week, model_inferences_per_month, requests_per_second, requests_per_minute, requests_per_hour, requests_per_day, requests_per_week, requests_per_month, tokens_per_second, tokens_per_minute, tokens_per_hour, tokens_per_day, tokens_per_week, tokens_per_month, input_tokens_per_second, input_tokens_per_minute, input_tokens_per_hour, input_tokens_per_day, input_tokens_per_week, input_tokens_per_month, output_tokens_per_second, output_tokens_per_minute, output_tokens_per_hour, output_tokens_per_day, output_tokens_per_week, output_tokens_per_month, cost_per_second, cost_per_minute, cost_per_hour, cost_per_day, cost_per_week, cost_per_month",
        "rate_limiting.rules[0]: found a table; must have either priority or always = true, one of the two",
        "rate_limiting.rules[1]: found a table; must have either priority or always = true, one of the two",
        "rate_limiting.rules[1]: found a table; must have at least one limit, like requests_per_minute",
        "rate_limiting.rules[2].priority: found 1.5; must be a whole number",
        "rate_limiting.rules[2].scope[0].tag_key: found "tensorzero::x"; must not begin with tensorzero::, tollgate:: or key::",
        "rate_limiting.rules[2].scope[0].tag_value: found "tensorzero::some"; must be a value, tensorzero::each or tensorzero::total",
        "rate_limiting.rules[2].scope[1].client_ip: found "nowhere"; must be an IPv4 or IPv6 address, tensorzero::each or tensorzero::total",
        "rate_limiting.rules[2].scope[2].origin: found "a/b"; must be an origin like https://app.example.com, tensorzero::each or tensorzero::total",
        "rate_limiting.rules[2].requests_per_minute: found a table; must be a whole number, 0 or more, or { capacity = …, refill_rate = … }",
        "rate_limiting.enabeld: unknown key; did you mean enabled? allowed: enabled, trust_request_tags, backend, default_cost, rules",
      ]
    `);
  });

  it.each([
    ["priority = 1\nrequests_per_minute = 1.5", "rate_limiting.rules[0].requests_per_minute"],
    ["priority = 1\nrequests_per_minute = '5'", "rate_limiting.rules[0].requests_per_minute"],
    ["priority = 1\nrequests_per_minute = 1e13", "rate_limiting.rules[0].requests_per_minute"],
    ["priority = 1\nrequests_per_minute = -0.0", "rate_limiting.rules[0].requests_per_minute"],
    ["priority = 1\ncost_per_minute = 9_007_200", "rate_limiting.rules[0].cost_per_minute"],
    ["priority = -1\nrequests_per_minute = 1", "rate_limiting.rules[0].priority"],
    ["requests_per_minute = 1", "rate_limiting.rules[0]"],
    ["always = false\nrequests_per_minute = 1", "rate_limiting.rules[0]"],
    ["priority = 1", "rate_limiting.rules[0]"],
    ["priority = 1\nrequests_per_minute = 1\nscope = 5", "rate_limiting.rules[0].scope"],
    ["priority = 1\nrequests_per_minute = 1\nscope = [5]", "rate_limiting.rules[0].scope[0]"],
    ["priority = 1\nrequests_per_minute = 1\nscope = [{ tag_value = 'a' }]", "rate_limiting.rules[0].scope[0].tag_key"],
  ])("%j is a mistake at %s", (text, path) => {
    expect(rule(text).mistakes.map((mistake) => mistake.path)).toEqual([path]);
    expect(rule(text).rateLimiting.rules).toEqual([]);
  });
});

describe("[[budgets]]", () => {
  it("of an owner, of each owner, of a tag, of the deployment", () => {
    const { budgets, mistakes } = read(`
[[budgets]]
limit_usd = 5.5
period = "30d"
scope = { owner_id = "tensorzero::each" }
[[budgets]]
limit_usd = "0.000000001"
period = "month"
timezone = "Europe/Berlin"
scope = { tag_key = "customer", tag_value = "acme" }
[[budgets]]
limit_usd = 1000
period = "total"
`);
    expect(mistakes).toEqual([]);
    expect(budgets).toEqual([
      { limitNanoUsd: 5_500_000_000n, period: "30d", timezone: "UTC", scope: { level: "owner", value: null } },
      {
        limitNanoUsd: 1n,
        period: "month",
        timezone: "Europe/Berlin",
        scope: { level: "tag", tagKey: "customer", value: "acme" },
      },
      { limitNanoUsd: 1_000_000_000_000n, period: "total", timezone: "UTC", scope: { level: "deployment" } },
    ]);
    expect(budgets.map(makeWireBudget)).toEqual([
      { limit_usd: "5.5", period: "30d", scope: { owner_id: "tensorzero::each" } },
      {
        limit_usd: "0.000000001",
        period: "month",
        timezone: "Europe/Berlin",
        scope: { tag_key: "customer", tag_value: "acme" },
      },
      { limit_usd: "1000", period: "total" },
    ]);
  });

  it("tells every mistake at once", () => {
    expect(
      told(
        read(`
[[budgets]]
limit_usd = -1
period = "year"
timezone = "Mars/Olympus"
scope = { owner_id = "tensorzero::total" }
[[budgets]]
limit_usd = 1
period = "30d"
timezone = "UTC"
scope = { tag_key = "a" }
[[budgets]]
limit = 5
`),
      ),
    ).toMatchInlineSnapshot(`
      [
        "budgets[0].limit_usd: found -1; must be an amount in USD from 0 to 1000000000 with at most nine decimal places",
        "budgets[0].period: found "year"; must be a number of days like 30d, or day, week, month, total",
        "budgets[0].timezone: found "Mars/Olympus"; must be an IANA timezone, like Europe/Berlin or UTC",
        "budgets[0].scope.owner_id: found "tensorzero::total"; must be a value or tensorzero::each",
        "budgets[0].timezone: found "Mars/Olympus"; only day, week and month have a timezone",
        "budgets[1].scope: found a table; must have both tag_key and tag_value, or neither",
        "budgets[1].timezone: found "UTC"; only day, week and month have a timezone",
        "budgets[2].limit_usd: missing; must be an amount in USD from 0 to 1000000000 with at most nine decimal places",
        "budgets[2].period: missing; must be a text",
        "budgets[2].limit: unknown key; allowed: limit_usd, period, timezone, scope",
      ]
    `);
  });
});
