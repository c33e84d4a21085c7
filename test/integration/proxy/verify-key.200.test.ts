import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NewApiKey } from "../../../db/queries/insert-api-key.ts";
import { type VerifyAnswer, verifyCodes } from "../../../server/core/verify-schema.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

let gateway: TestGateway;
let service: string;

beforeAll(async () => {
  gateway = await openTestGateway({ config: '[permissions]\nextra = ["billing:read", "billing:delete"]\n' });
  service = (await gateway.makeKey({ permissions: ["keys:verify"] })).text;
});
afterAll(() => gateway.close());

async function verify(question: object, caller = service): Promise<VerifyAnswer> {
  const response = await gateway.call("/v1/keys/verify", question, caller);
  const answer = (await response.json()) as VerifyAnswer;
  expect([response.status, answer]).toEqual([200, answer]);
  expect(response.headers.get("cache-control")).toBe("no-store");
  return answer;
}

const nothing: VerifyAnswer = {
  valid: false,
  code: "NOT_FOUND",
  public_id: null,
  owner_id: null,
  tags: null,
  permissions: null,
  remaining: null,
  reset_at: null,
  expires_at: null,
};

const future = new Date(Date.now() + 86_400_000);

describe("POST /v1/keys/verify", () => {
  it("tells who a valid key is", async () => {
    const { text, publicId } = await gateway.makeKey({
      permissions: ["vec:*"],
      tags: { customer: "Zürich" },
      ownerId: "acme",
      expiresAt: future,
    });
    expect(await verify({ key: text, permissions: ["vec:read", "vec:write"], model: "any", requests: 1 })).toEqual({
      valid: true,
      code: "VALID",
      public_id: publicId,
      owner_id: "acme",
      tags: { customer: "Zürich" },
      permissions: ["vec:*"],
      remaining: null,
      reset_at: null,
      expires_at: future.toISOString(),
    });
    // It is used now, and nobody knows from where.
    await waitUntil(async () => {
      const rows = await gateway.database.database.sql<{ last_used_at: string | null; last_used_ip: string | null }[]>`
        select last_used_at, last_used_ip from api_key where public_id = ${publicId}`;
      return rows[0]?.last_used_at !== null && rows[0]?.last_used_ip === null;
    }, "last_used_at");
  });

  const network: Partial<NewApiKey> = { allowedIps: ["10.0.0.0/8", "2001:db8::/32"] };
  const page: Partial<NewApiKey> = { allowedOrigins: ["https://a.example", "https://*.b.example"] };
  const client: Partial<NewApiKey> = { ...page, type: "client" };
  const cases: [string, Partial<NewApiKey>, object, string][] = [
    ["a permission", { permissions: ["vec:read"] }, { permissions: ["vec:read"] }, "VALID"],
    ["no permission asked for", { permissions: [] }, {}, "VALID"],
    ["a whole service", { permissions: ["vec:*"] }, { permissions: ["vec:delete"] }, "VALID"],
    ["everything", { permissions: ["*"] }, { permissions: ["billing:read", "admin:keys", "keys:verify"] }, "VALID"],
    ["an extra service", { permissions: ["billing:*"] }, { permissions: ["billing:read"] }, "VALID"],
    ["the implied one", { permissions: ["admin:keys"] }, { permissions: ["keys:verify"] }, "VALID"],
    [
      "one of two",
      { permissions: ["vec:read"] },
      { permissions: ["vec:read", "vec:write"] },
      "INSUFFICIENT_PERMISSIONS",
    ],
    ["another service", { permissions: ["vec:*"] }, { permissions: ["kev:read"] }, "INSUFFICIENT_PERMISSIONS"],
    [
      "a client's delete",
      { ...client, permissions: ["*"] },
      { permissions: ["billing:delete"], origin: "https://a.example" },
      "INSUFFICIENT_PERMISSIONS",
    ],
    ["a model", { models: ["gpt-*"] }, { model: "gpt-x" }, "VALID"],
    ["another model", { models: ["gpt-*"] }, { model: "claude" }, "MODEL_NOT_ALLOWED"],
    [
      "an excluded model",
      { models: ["*", "!echo::x"] },
      { model: "tensorzero::model_name::echo::x" },
      "MODEL_NOT_ALLOWED",
    ],
    ["the network", network, { ip: "10.1.2.3" }, "VALID"],
    ["the network, IPv4 written as IPv6", network, { ip: "::ffff:10.1.2.3" }, "VALID"],
    ["the IPv6 network", network, { ip: "2001:DB8::5" }, "VALID"],
    ["another network", network, { ip: "11.1.2.3" }, "IP_NOT_ALLOWED"],
    ["nobody says from where", network, {}, "IP_NOT_ALLOWED"],
    ["the origin", page, { origin: "https://a.example" }, "VALID"],
    ["a subdomain", client, { origin: "https://x.b.example" }, "VALID"],
    ["another origin", page, { origin: "https://c.example" }, "ORIGIN_NOT_ALLOWED"],
    ["no page", client, {}, "ORIGIN_NOT_ALLOWED"],
    ["a client key without origins", { type: "client" }, { origin: "https://a.example" }, "ORIGIN_NOT_ALLOWED"],
    ["disabled", { state: "disabled" }, {}, "DISABLED"],
    ["revoked", { state: "revoked" }, { permissions: ["vec:read"] }, "REVOKED"],
    ["swept", { state: "expired" }, {}, "EXPIRED"],
    ["more requests than a limit", { rateLimits: { requests_per_minute: 5 } }, { requests: 6 }, "RATE_LIMITED"],
    ["more tokens than a limit", { rateLimits: { tokens_per_day: 5 } }, { tokens: 6, requests: 0 }, "RATE_LIMITED"],
    ["more cost than a limit", { rateLimits: { cost_per_day: 1 } }, { cost_usd: "1.000000001" }, "RATE_LIMITED"],
    [
      "as much as the limits",
      { rateLimits: { cost_per_day: 1, tokens_per_day: 5 } },
      { cost_usd: "1", tokens: 5 },
      "VALID",
    ],
    ["past its end", { expiresAt: new Date(Date.now() - 1_000) }, {}, "EXPIRED"],
  ];
  it.each(cases)("%s", async (_what, properties, question, code) => {
    const { text, publicId } = await gateway.makeKey(properties);
    const answer = await verify({ key: text, ...question });
    expect([answer.code, answer.valid, answer.public_id]).toEqual([code, code === "VALID", publicId]);
  });

  it("counts uses in the limits of the key, together with calls, and tells what is left", async () => {
    const { text } = await gateway.makeKey({ rateLimits: { requests_per_minute: 3 } });
    const left = async (requests: number) => {
      const { code, remaining, reset_at } = await verify({ key: text, requests });
      return [code, remaining, reset_at !== null];
    };
    expect(await left(0)).toEqual(["VALID", 3, true]);
    expect(await left(2)).toEqual(["VALID", 1, true]);
    expect(await left(2)).toEqual(["RATE_LIMITED", 1, true]);
    const call = () =>
      gateway.call("/v1/chat/completions", { model: "echo::x", messages: [{ role: "user", content: "a" }] }, text);
    expect((await call()).status).toBe(200);
    expect((await call()).status).toBe(429);
    expect(await left(1)).toEqual(["RATE_LIMITED", 0, true]);
    expect(await left(0)).toEqual(["VALID", 0, true]);
  });

  it("asks the budgets of the key, and charges nothing", async () => {
    const { text, publicId } = await gateway.makeKey({
      budgets: [
        { limitNanoUsd: 5_000_000n, period: "day" },
        { limitNanoUsd: 9_000_000n, period: "total" },
      ],
    });
    const ask = async (cost: string, more = {}) => (await verify({ key: text, cost_usd: cost, ...more })).code;
    for (let times = 0; times < 20; times++) expect(await ask("0.005")).toBe("VALID");
    expect(await ask("0.005000001")).toBe("BUDGET_EXCEEDED");
    expect((await verify({ key: text })).code).toBe("VALID");
    const { sql } = gateway.database.database;
    const settled = await sql`select settled_nano_usd from budget_window where subject = ${publicId}`;
    expect(settled.map((row) => Number(row.settled_nano_usd))).toEqual([0, 0]);
    expect(gateway.context.proxy.budgets.isHolding).toBe(false);
  });

  it("without an amount asks whether anything is left, and takes nothing from the rate where nothing is", async () => {
    const budgets = [{ limitNanoUsd: 0n, period: "month" }];
    const { text } = await gateway.makeKey({ budgets, rateLimits: { requests_per_day: 5 } });
    const answer = await verify({ key: text });
    expect(answer).toMatchObject({ valid: false, code: "BUDGET_EXCEEDED", remaining: 5 });
    // What comes first is told first.
    expect((await verify({ key: text, permissions: ["vec:read"] })).code).toBe("INSUFFICIENT_PERMISSIONS");
  });

  it("asks the budgets above the key too", async () => {
    const { text } = await gateway.makeKey({ ownerId: "poor" });
    const { proxy } = gateway.context;
    const rules = proxy.budgetRules;
    const terms = {
      level: "owner",
      subject: "poor",
      period: "total",
      timezone: "UTC",
      anchorMs: 0,
      version: 1,
    } as const;
    proxy.budgetRules = { version: 1, findBudgets: () => [{ ...terms, limitNanoUsd: 1_000n }] };
    expect((await verify({ key: text, cost_usd: "0.000001" })).code).toBe("VALID");
    expect((await verify({ key: text, cost_usd: "0.000001001" })).code).toBe("BUDGET_EXCEEDED");
    proxy.budgetRules = rules;
  });

  it("emits every code", () => {
    const seen = new Set([...cases.map((one) => one[3]), "NOT_FOUND", "BUDGET_EXCEEDED"]);
    expect(verifyCodes.filter((code) => !seen.has(code))).toEqual([]);
  });

  it("says nothing but NOT_FOUND without the whole text, whatever is known of the key", async () => {
    const { text, publicId } = await gateway.makeKey({ state: "revoked", tags: { customer: "acme" } });
    const other = await gateway.makeKey();
    const wrong = [
      publicId,
      text.slice(0, -1),
      text.slice(0, -48),
      `${text} `,
      ` ${text}`,
      `${text}\n`,
      text.toUpperCase(),
      text.replace(publicId, other.publicId),
      `Bearer ${text}`,
      text + text,
      `${text}\u0000`,
      `\ud800${text}`,
      "x".repeat(60_000),
      "",
    ].filter((each) => each !== "");
    for (const key of wrong) expect([key, await verify({ key })]).toEqual([key, nothing]);
    expect((await verify({ key: text })).code).toBe("REVOKED");
  });

  it("is as fresh as authentication: a revoked key is so within a second", async () => {
    const { text, publicId } = await gateway.makeKey();
    expect((await verify({ key: text })).code).toBe("VALID");
    await gateway.database.database.sql`update api_key set state = 'revoked' where public_id = ${publicId}`;
    await waitUntil(async () => (await verify({ key: text })).code === "REVOKED", "REVOKED", 1_000);
  });

  it("may be asked by who has admin:keys, keys:* or everything", async () => {
    const { text } = await gateway.makeKey();
    for (const grant of ["admin:keys", "admin:*", "keys:*", "*"]) {
      const caller = await gateway.makeKey({ permissions: [grant] });
      expect([grant, (await verify({ key: text }, caller.text)).code]).toEqual([grant, "VALID"]);
    }
  });
});
