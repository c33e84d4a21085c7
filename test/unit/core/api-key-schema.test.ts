import { describe, expect, it } from "vitest";
import { makeAliasBase } from "../../../server/core/alias.ts";
import { createKeyInput, listKeysInput, updateKeyInput } from "../../../server/core/api-key-schema.ts";
import { findClientKeyProblems } from "../../../server/core/client-key.ts";
import { isNetworkWithin, parseNetwork } from "../../../server/core/network.ts";

/** Paths at fault, `""` for the whole. */
function listFaults(input: unknown): string[] {
  const parsed = createKeyInput.safeParse(input);
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join("."));
}

describe("createKeyInput", () => {
  it("needs nothing", () => {
    expect(createKeyInput.parse({})).toEqual({ type: "production" });
  });

  it.each([
    [
      "alias",
      ["a", "my-laptop", "1-2-3", "x".repeat(64)],
      ["", "-a", "a-", "a--b", "A", "a_b", "ä", "x".repeat(65), "a\n"],
    ],
    ["name", ["x", "x".repeat(200), null], ["", "x".repeat(201), "a\nb", "a\u0000", "\udfff", 5]],
    ["description", ["", "a\nb\t", "😀", null], ["x".repeat(2_001), "\u0000", "\ud83d"]],
    [
      "permissions",
      [[], ["ai:inference"], ["vec:*"], ["*"]],
      [["ai"], ["ai:"], ["ai:Fly"], ["*:read"], ["foo:**"], "ai:inference"],
    ],
    ["models", [[], ["*"], ["!openai::o1", "a/b:c@d.e"]], [[""], ["!"], ["a b"], [5]]],
    [
      "tags",
      [{}, { "a.b:c_d-e": "" }, { a: "x".repeat(256) }],
      [
        { A: "1" },
        { a: "x".repeat(257) },
        { "key::a": "1" },
        { "tollgate::x": "" },
        { ["x".repeat(65)]: "" },
        { a: "\n" },
        { a: 1 },
      ],
    ],
    [
      "rate_limits",
      [{ requests_per_minute: 0 }, { concurrent_requests: 5, cost_per_day: 0.5 }],
      [
        { requests_per_year: 1 },
        { requests: 1 },
        { requests_per_day: -1 },
        { requests_per_day: 1.5 },
        { requests_per_day: "5" },
        { requests_per_day: Number.NaN },
        { requests_per_day: -0 },
        { cost_per_day: -0 },
        { requests_per_day: 1e308 },
      ],
    ],
    ["max_output_tokens", [1, null], [0, -1, 1.5, "1", true, "１", 2 ** 53, Number.POSITIVE_INFINITY]],
    [
      "allowed_ips",
      [["10.0.0.0/8", "::1", "2001:db8::/32", "1.2.3.4"]],
      [["10.0.0.0/33"], ["10.0.0"], ["::/129"], ["host"], ["10.0.0.0/"], ["fe80::1%eth0"], ["1.2.3.4/08x"]],
    ],
    [
      "allowed_origins",
      [["https://a.com", "https://*.a.com", "http://localhost:3000", "HTTPS://A.com"]],
      [
        ["a.com"],
        ["https://a.com/"],
        ["https://*.com"],
        ["*"],
        ["https://a.*.com"],
        ["https://a.com:443"],
        ["ftp://a.com"],
        ["https://u@a.com"],
        ["null"],
      ],
    ],
    ["on_disconnect", ["drain", "abort"], ["explode"]],
    ["owner_id", ["user-1", null], ["", "a\u0000"]],
    ["expires_at", ["2030-01-01T00:00:00Z", "2030-01-01 00:00:00 UTC", null], ["2030", 5, "never"]],
  ])("%s", (field, good, bad) => {
    for (const value of good) expect([value, listFaults({ [field]: value })]).toEqual([value, []]);
    for (const value of bad) expect([value, listFaults({ [field]: value })[0]?.split(".")[0]]).toEqual([value, field]);
  });

  it("money: exact as text, rounded as a number, bounded", () => {
    const limit = (limit_usd: unknown) =>
      createKeyInput.safeParse({ budgets: [{ limit_usd, period: "30d" }] }).data?.budgets?.[0]?.limit_usd;
    expect(limit("0.000000001")).toBe(1n);
    expect(limit(0.1)).toBe(100_000_000n);
    expect(limit(1e-9)).toBe(1n);
    expect(limit("1000000000")).toBe(10n ** 18n);
    for (const bad of ["1.0000000001", "-1", "1e3", "", " 1", "１", 1e9 + 1, Number.NaN, -0, -1, null, true]) {
      expect([bad, limit(bad)]).toEqual([bad, undefined]);
    }
  });

  it("budgets: several periods at once, each once; a timezone only for calendar periods", () => {
    const faults = (...budgets: unknown[]) => listFaults({ budgets });
    expect(
      faults(
        { limit_usd: 1, period: "1d" },
        { limit_usd: 1, period: "total" },
        { limit_usd: 1, period: "week", timezone: "Asia/Kolkata" },
      ),
    ).toEqual([]);
    expect(faults({ limit_usd: 1, period: "day" }, { limit_usd: 2, period: "day", timezone: "UTC" })).toEqual([
      "budgets",
    ]);
    expect(faults({ limit_usd: 1, period: "30d", timezone: "UTC" })).toEqual(["budgets.0.timezone"]);
    for (const period of ["0d", "d", "30", "year", "30D", "99999d"])
      expect(faults({ limit_usd: 1, period })).toEqual(["budgets.0.period"]);
  });

  it("at most 32 tags", () => {
    const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`t${index}`, "x"]));
    expect(listFaults({ tags: tags(32) })).toEqual([]);
    expect(listFaults({ tags: tags(33) })).toEqual(["tags"]);
  });

  it("refuses unknown and read-only fields, also inside, and prototypes", () => {
    for (const field of ["created_by", "version", "state", "spend", "role", "isAdmin", "constructor", "bootstrap"]) {
      expect([field, createKeyInput.safeParse({ [field]: "x" }).success]).toEqual([field, false]);
    }
    expect(
      createKeyInput.safeParse(JSON.parse('{"tags":{"__proto__":{"a":"1"}}}')).data?.tags ?? {},
    ).not.toHaveProperty("a");
    expect(listFaults({ budgets: [{ limit_usd: 1, period: "day", spent: 0 }] })).toEqual(["budgets.0"]);
    expect(Object.prototype).not.toHaveProperty("a");
  });
});

it("updateKeyInput takes no type, and versions as digits", () => {
  expect(updateKeyInput.safeParse({ public_id: "abcdefghijkl", type: "client" }).success).toBe(false);
  expect(updateKeyInput.parse({ public_id: "abcdefghijkl", if_match: "7" }).if_match).toBe(7);
  for (const bad of ["x", "", "1.5", "-1", "0", 0]) {
    expect([bad, updateKeyInput.safeParse({ public_id: "abcdefghijkl", if_match: bad }).success]).toEqual([bad, false]);
  }
});

it("listKeysInput pages by 50 up to 200", () => {
  expect(listKeysInput.parse({}).limit).toBe(50);
  expect(listKeysInput.parse({ limit: "200" }).limit).toBe(200);
  expect(listKeysInput.safeParse({ limit: 201 }).success).toBe(false);
});

it.each([
  ["Prod API (Zürich)", "prod-api-zurich"],
  ["  --x--  ", "x"],
  ["ÉCOLE №5", "ecole-no5"],
  ["日本", null],
  ["", null],
  [`${"a".repeat(55)} bcd`, "a".repeat(55)],
])("the alias of %j", (name, alias) => {
  expect(makeAliasBase(name)).toBe(alias);
});

describe("client keys", () => {
  const client = { type: "client" as const, permissions: ["ai:inference"], allowedOrigins: ["https://a.com"] };
  it.each([[["*"]], [["admin:keys"]], [["admin:*"]], [["vec:*"]], [["files:delete"]], [["data:*"]], [["keys:verify"]]])(
    "cannot hold %j",
    (permissions) => {
      expect(findClientKeyProblems({ ...client, permissions }).map(({ path }) => path)).toEqual(["permissions[0]"]);
      expect(findClientKeyProblems({ ...client, type: "production", permissions })).toEqual([]);
    },
  );
  it("can hold what is safe, and needs an origin", () => {
    expect(findClientKeyProblems({ ...client, permissions: ["ai:*", "vec:read", "data:write"] })).toEqual([]);
    expect(findClientKeyProblems({ ...client, allowedOrigins: [] }).map(({ path }) => path)).toEqual([
      "allowed_origins",
    ]);
  });
});

it("networks", () => {
  expect(parseNetwork("10.0.0.0/8")).toEqual({ address: "10.0.0.0", prefix: 8, family: "ipv4" });
  expect(parseNetwork("::1")?.prefix).toBe(128);
  expect(isNetworkWithin("10.1.2.3", "10.0.0.0/8")).toBe(true);
  expect(isNetworkWithin("10.0.0.0/8", "10.0.0.0/9")).toBe(false);
  expect(isNetworkWithin("10.0.0.1", "::/0")).toBe(false);
  expect(isNetworkWithin("garbage", "0.0.0.0/0")).toBe(false);
});
