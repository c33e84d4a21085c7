import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseUsd } from "../../../server/core/money.ts";
import type { UsageAnswer } from "../../../server/core/usage-schema.ts";
import { fastFlush } from "../../support/event-of.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({ config: fastFlush });
});
afterAll(() => gateway.close());

async function read(path: string, key: string, headers: Record<string, string> = {}) {
  const response = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${key}`, ...headers } });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

async function use(key: string, model: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const body = { model, messages: [{ role: "user", content: "12345678" }] };
    expect((await gateway.call("/v1/chat/completions", body, key)).status).toBe(200);
  }
}

describe("GET /v1/key", () => {
  it("tells a key what it is and what it used, whatever it may do; no sibling, nothing of its makers", async () => {
    const mine = await gateway.makeKey({
      alias: "mine",
      name: "My key",
      description: "secret-note of the operator",
      permissions: ["vec:read", "ai:inference"],
      models: ["echo::*"],
      tags: { customer: "acme" },
      ownerId: "acme",
      budgets: [
        { limitNanoUsd: 1_000_000_000n, period: "day", timezone: "Asia/Kolkata" },
        { limitNanoUsd: 5_000_000_000n, period: "total" },
      ],
      rateLimits: { requests_per_minute: 100 },
      providerCredentials: { openai: "secret-pin" },
      createdBy: "secretmaker1",
      expiresAt: new Date("2090-01-01T00:00:00Z"),
    });
    const sibling = await gateway.makeKey({ alias: "sibling", ownerId: "acme" });
    await use(mine.text, "echo::a", 3);
    await use(sibling.text, "echo::b", 2);
    await gateway.listEvents(5);
    const { status, text, headers } = await read("/v1/key", mine.text);
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    const spend = { requests: 3, errors: 0, cost_usd: "0.000018", since: expect.stringMatching(/T00:00:00.000Z$/) };
    expect(JSON.parse(text)).toEqual({
      public_id: mine.publicId,
      alias: "mine",
      name: "My key",
      type: "production",
      state: "active",
      owner_id: "acme",
      permissions: ["vec:read", "ai:inference"],
      models: ["echo::*"],
      tags: { customer: "acme" },
      budgets: [
        {
          period: "day",
          timezone: "Asia/Kolkata",
          limit_usd: "1",
          extra_usd: "0",
          spent_usd: "0.000018",
          reserved_usd: expect.any(String),
          remaining_usd: expect.any(String),
          starts_at: expect.stringMatching(/T18:30:00.000Z$/),
          resets_at: expect.stringMatching(/T18:30:00.000Z$/),
        },
        expect.objectContaining({ period: "total", limit_usd: "5", spent_usd: "0.000018", resets_at: null }),
      ],
      rate_limits: { requests_per_minute: 100 },
      max_output_tokens: null,
      allowed_ips: [],
      allowed_origins: [],
      on_disconnect: "drain",
      created_at: expect.any(String),
      expires_at: "2090-01-01T00:00:00.000Z",
      last_used_at: expect.any(String),
      rotated_at: null,
      usage: { day: spend, month: spend },
    });
    expect(text).not.toMatch(/secret/);
    expect(text).not.toContain(sibling.publicId);
  });

  it("tells what is left of its budgets: what was spent, held and added, and how it adds up", async () => {
    const { text } = await gateway.makeKey({ budgets: [{ limitNanoUsd: 1_000_000n, period: "30d" }] });
    const load = async () => JSON.parse((await read("/v1/key", text)).text).budgets[0];
    const before = await load();
    expect(before).toMatchObject({ spent_usd: "0", reserved_usd: "0", remaining_usd: "0.001", limit_usd: "0.001" });
    expect(Date.parse(before.resets_at) - Date.parse(before.starts_at)).toBe(30 * 86_400_000);
    await use(text, "echo::a", 2);
    await waitUntil(async () => (await load()).spent_usd === "0.000012", "two calls are charged");
    await gateway.database.database.sql`update budget_window set extra_nano_usd = 500 where limit_nano_usd = 1000000`;
    const after = await load();
    expect(after.extra_usd).toBe("0.0000005");
    const [extra, spent, reserved, remaining] = [
      after.extra_usd,
      after.spent_usd,
      after.reserved_usd,
      after.remaining_usd,
    ].map((usd: string) => parseUsd(usd) ?? 0n) as [bigint, bigint, bigint, bigint];
    expect(spent + reserved + remaining).toBe(1_000_000n + extra);
  });

  it("reads itself when a budget is exhausted, and learns nothing of the budgets above it", async () => {
    const { text, publicId } = await gateway.makeKey({
      ownerId: "rich",
      budgets: [{ limitNanoUsd: 1n, period: "day" }],
    });
    await gateway.database.database.sql`
      insert into budget_window (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd, terms_version,
        settled_nano_usd)
      values ('owner/rich/day/0', 'owner', 'rich', 'day', 'UTC', now(), now() + interval '1 day', 777000000000, 1, 333000000000)`;
    const body = { model: "echo::a", messages: [{ role: "user", content: "12345678" }] };
    expect((await gateway.call("/v1/chat/completions", body, text)).status).toBe(429);
    const answer = await read("/v1/key", text);
    expect(answer.status).toBe(200);
    const { public_id, budgets } = JSON.parse(answer.text);
    expect([public_id, budgets]).toMatchObject([publicId, [{ limit_usd: "0.000000001", spent_usd: "0" }]]);
    expect(budgets).toHaveLength(1);
    expect(answer.text).not.toMatch(/777|333/);
  });

  it("needs a live key, used from where it may be", async () => {
    const nothing = await gateway.makeKey({ permissions: [], models: [] });
    expect((await read("/v1/key", nothing.text)).status).toBe(200);
    expect((await read("/v1/usage", nothing.text)).status).toBe(200);
    for (const [properties, status] of [
      [{ state: "revoked" }, 401],
      [{ state: "disabled" }, 401],
      [{ expiresAt: new Date(1) }, 401],
      [{ allowedIps: ["10.0.0.0/8"] }, 403],
      [{ type: "client", allowedOrigins: ["https://a.example"] }, 403],
    ] as const) {
      const { text } = await gateway.makeKey(properties);
      expect([properties, (await read("/v1/key", text)).status]).toEqual([properties, status]);
      expect([properties, (await read("/v1/usage", text)).status]).toEqual([properties, status]);
    }
    expect((await read("/v1/key", "nobody")).status).toBe(401);
    expect((await read(`/v1/key?public_id=${nothing.publicId}`, "nobody")).status).toBe(401);
  });
});

describe("GET /v1/usage", () => {
  it("sums a key's own calls by model, endpoint, status, hour and day", async () => {
    const mine = await gateway.makeKey({ ownerId: "two" });
    const sibling = await gateway.makeKey({ ownerId: "two" });
    const before = (await gateway.listEvents(0)).length;
    await use(mine.text, "echo::a", 2);
    await use(mine.text, "echo::b", 1);
    await use(sibling.text, "echo::c", 4);
    await gateway.listEvents(before + 7);
    const ask = async (query: string): Promise<UsageAnswer> => {
      const { status, text } = await read(`/v1/usage${query}`, mine.text);
      expect([query, status]).toEqual([query, 200]);
      return JSON.parse(text);
    };
    expect((await ask("")).totals).toMatchObject({ requests: 3, errors: 0, input_tokens: 6, cost_usd: "0.000018" });
    const byModel = await ask("?group_by=model,endpoint&group_by=status&grain=day");
    expect(byModel.rows.map((row) => [row.model, row.endpoint, row.status, row.requests])).toEqual([
      ["echo::a", "chat_completions", 200, 2],
      ["echo::b", "chat_completions", 200, 1],
    ]);
    expect(byModel.rows[0]?.bucket).toMatch(/T00:00:00.000Z$/);
    expect((await ask("?model=echo::b&grain=hour")).rows).toHaveLength(1);
    expect((await ask("?from=2001-01-01&to=2001-01-02")).totals.requests).toBe(0);
    expect((await ask("?model=echo::c")).totals.requests).toBe(0);
  });

  it.each([
    ["?public_id=0123456789ab", "public_id"],
    ["?owner_id=two", "owner_id"],
    ["?tag[a]=b", "tag[a]"],
    ["?provider=x", "provider"],
    ["?group_by=key", "group_by"],
    ["?group_by=model,owner", "group_by"],
    ["?group_by=tag:customer", "group_by"],
    ["?grain=minute", "grain"],
    ["?grain=hour&grain=day", "grain"],
    ["?from=yesterday", "from"],
    ["?from=2030-01-02&to=2030-01-01", "from"],
    ["?timezone=Mars", "timezone"],
    ["?__proto__=1", "__proto__"],
  ])("%s: 422, and says what is allowed", async (query, field) => {
    const { text } = await gateway.makeKey();
    const answer = await read(`/v1/usage${query}`, text);
    const { error } = JSON.parse(answer.text);
    expect([answer.status, error.code, error.param]).toEqual([422, "validation_failed", field]);
    const told = new Map([
      ["group_by", "is not one of model, endpoint, status, origin"],
      ["owner_id", "allowed: group_by, from, to, grain"],
    ]);
    expect(error.message).toContain(told.get(field) ?? field);
  });

  it("many at once are answered a few at a time, too many are refused as our own fault", async () => {
    const { text } = await gateway.makeKey();
    const statuses = await Promise.all(Array.from({ length: 200 }, async () => (await read("/v1/usage", text)).status));
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(66);
    expect((await read("/v1/usage", text)).status).toBe(200);
  });
});
