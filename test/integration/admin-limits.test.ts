import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminHarness, openAdminHarness } from "../support/admin-harness.ts";

let harness: AdminHarness;
let key: string;
beforeAll(async () => {
  harness = await openAdminHarness();
  key = (await harness.makeKey({ permissions: ["admin:keys"] })).text;
});
afterAll(() => harness.close());

const post = (path: string, body: unknown) => harness.send("POST", `/admin/limits/${path}`, key, body);
const issuesOf = (body: Record<string, unknown>) =>
  (body.error as { issues?: { path: string }[] }).issues?.map(({ path }) => path);

describe("rate rules", () => {
  it("201, 200, 204, then 404", async () => {
    const made = await post("rules", {
      priority: 1,
      limits: { cost_per_day: 1.5 },
      scope: [{ origin: "https://A.example" }],
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      source: "api",
      priority: 1,
      always: false,
      limits: { cost_per_day: "1.5" },
      scope: [{ origin: "https://a.example" }],
    });
    const path = `/admin/limits/rules/${String(made.body.id)}`;
    expect((await harness.send("GET", path, key)).body).toEqual(made.body);
    const changed = await harness.send("PATCH", path, key, { always: true });
    expect(changed.body).toEqual({ ...made.body, priority: null, always: true });
    expect((await harness.send("PATCH", path, key, { always: false })).status).toBe(422);
    expect((await harness.send("PATCH", path, key, { priority: 4 })).body).toMatchObject({
      priority: 4,
      always: false,
    });
    expect((await harness.send("PATCH", path, key, { priority: 4, always: true })).status).toBe(422);
    expect((await harness.send("DELETE", path, key)).status).toBe(204);
    for (const method of ["GET", "PATCH", "DELETE"]) {
      expect((await harness.send(method, path, key, method === "PATCH" ? {} : undefined)).status).toBe(404);
    }
  });

  it("422 with every field at fault", async () => {
    const { status, body } = await post("rules", {
      priority: -1,
      always: true,
      limits: { apples_per_day: 1, requests_per_day: -1 },
      scope: [{ owner_id: "a", model: "b" }],
    });
    expect([status, issuesOf(body)]).toEqual([
      422,
      ["priority", "limits.requests_per_day", "limits.apples_per_day", "scope[0]", ""],
    ]);
  });

  it("the id of a budget is no rule's", async () => {
    const made = await post("budgets", { limit_usd: "1", period: "day" });
    expect((await harness.send("GET", `/admin/limits/rules/${String(made.body.id)}`, key)).status).toBe(404);
    expect((await harness.send("DELETE", `/admin/limits/rules/${String(made.body.id)}`, key)).status).toBe(404);
  });

  it("403 for a key that belongs to somebody", async () => {
    const { text } = await harness.makeKey({ permissions: ["admin:keys"], owner_id: "ada" });
    expect((await harness.send("GET", "/admin/limits/rules", text)).status).toBe(403);
    expect((await harness.send("POST", "/admin/limits/budgets", text, { limit_usd: 1, period: "day" })).status).toBe(
      403,
    );
  });
});

describe("what the config file says", () => {
  it("is listed first, can be read, and is changed nowhere else: 409", async () => {
    const { config } = harness.context;
    const rule = { priority: null, limits: [], scopes: [] };
    Object.assign(config, {
      rateLimiting: { ...config.rateLimiting, rules: [rule] },
      budgets: [{ limitNanoUsd: 1n, period: "total", timezone: "UTC", scope: { level: "deployment" } }],
    });
    const list = await harness.send("GET", "/admin/limits/budgets", key);
    expect((list.body.budgets as unknown[])[0]).toMatchObject({
      id: "budget_config0",
      source: "config",
      limit_usd: "0.000000001",
    });
    expect((await harness.send("GET", "/admin/limits/rules/rule_config0", key)).body.source).toBe("config");
    expect((await harness.send("GET", "/admin/limits/rules/rule_config1", key)).status).toBe(404);
    expect((await harness.send("PATCH", "/admin/limits/budgets/budget_config0", key, { limit_usd: 2 })).status).toBe(
      409,
    );
    expect((await harness.send("DELETE", "/admin/limits/rules/rule_config0", key)).status).toBe(409);
  });
});

describe("budgets", () => {
  it("a change of the period drops a timezone that means nothing any more", async () => {
    const made = await post("budgets", { limit_usd: 5, period: "month", timezone: "Europe/Berlin" });
    const path = `/admin/limits/budgets/${String(made.body.id)}`;
    expect((await harness.send("PATCH", path, key, { period: "30d" })).body).toMatchObject({
      period: "30d",
      timezone: "UTC",
    });
    expect((await harness.send("PATCH", path, key, { timezone: "Asia/Kolkata" })).status).toBe(422);
  });

  it("a change of the scope: another one, none, and what is not said stays", async () => {
    const made = await post("budgets", { limit_usd: 5, period: "month", scope: { owner_id: "o-1" } });
    const change = async (body: unknown) =>
      (await harness.send("PATCH", `/admin/limits/budgets/${String(made.body.id)}`, key, body)).body.scope;
    expect(await change({ limit_usd: 6 })).toEqual({ owner_id: "o-1" });
    expect(await change({ scope: { tag_key: "team", tag_value: "a" } })).toEqual({ tag_key: "team", tag_value: "a" });
    expect(await change({ scope: null })).toBeNull();
    expect(await change({ limit_usd: 7 })).toBeNull();
  });
});
