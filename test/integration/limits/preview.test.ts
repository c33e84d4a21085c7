import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";

let harness: AdminHarness;
let key: string;
beforeAll(async () => {
  harness = await openAdminHarness();
});
afterAll(() => harness.close());
beforeEach(async () => {
  await harness.test.database.sql`delete from api_key`;
  await harness.test.database.sql`delete from limit_rule`;
  key = (await harness.makeKey({ permissions: ["admin:keys"], alias: "operator" })).text;
});

const preview = (body: unknown) => harness.send("POST", "/admin/limits/preview", key, body);
const limits = { requests_per_minute: 5 };

describe("which keys a rule or a budget would hold for", () => {
  it("counts live keys, newest first, and names ten", async () => {
    for (let index = 0; index < 12; index++) await harness.makeKey({ alias: `gold-${index}`, tags: { tier: "gold" } });
    const gone = await harness.makeKey({ alias: "gone", tags: { tier: "gold" } });
    await harness.system.keys.revoke({ public_id: gone.id });
    const off = await harness.makeKey({ alias: "off", tags: { tier: "gold" } });
    await harness.system.keys.disable({ public_id: off.id });
    const late = await harness.makeKey({ alias: "late", tags: { tier: "gold" } });
    await harness.test.database.sql`
      update api_key set expires_at = now() - interval '1 second' where public_id = ${late.id}`;
    const { status, body } = await preview({
      rule: { priority: 1, limits, scope: [{ tag_key: "tier", tag_value: "gold" }] },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ keys_total: 13, takes_over: [], yields_to: [], complete: true, enforced: true });
    expect((body.keys as { alias: string }[]).map(({ alias }) => alias)).toEqual([
      "off",
      ...Array.from({ length: 9 }, (_, index) => `gold-${11 - index}`),
    ]);
  });

  it("tells what it takes over and yields to, and leaves out what it replaces", async () => {
    await harness.makeKey({ alias: "another" });
    const low = await harness.system.rules.create({ priority: 1, limits });
    const high = await harness.system.rules.create({ priority: 3, limits, scope: [{ model: "gpt" }] });
    const body = { rule: { priority: 2, limits } };
    expect((await preview(body)).body).toMatchObject({
      keys_total: 2,
      takes_over: [{ id: low.id, keys_total: 2 }],
      yields_to: [{ id: high.id, keys_total: 2 }],
    });
    expect((await preview({ ...body, replaces: low.id })).body).toMatchObject({ keys_total: 2, takes_over: [] });
    // Nothing was made of it.
    expect((await harness.system.rules.list({})).rules.map(({ id }) => id)).toEqual([high.id, low.id]);
  });

  it("budgets likewise", async () => {
    const { id } = await harness.makeKey({ alias: "of-a-team", tags: { team: "a" } });
    const forEach = { limit_usd: "5", period: "30d", scope: { tag_key: "team", tag_value: "tensorzero::each" } };
    const kept = await harness.system.budgets.create({ ...forEach, period: "month" });
    const named = { limit_usd: "9", period: "month", scope: { tag_key: "team", tag_value: "a" } };
    expect((await preview({ budget: named })).body).toMatchObject({
      keys_total: 1,
      keys: [{ public_id: id, alias: "of-a-team" }],
      takes_over: [{ id: kept.id, keys_total: 1 }],
    });
    // Days count from when the budget was made, so that one that is new stands beside it; one that replaces it does not.
    const counted = await harness.system.budgets.create(forEach);
    expect((await preview({ budget: forEach })).body).toMatchObject({ keys_total: 1, takes_over: [] });
    expect((await preview({ budget: forEach, replaces: counted.id })).body).toMatchObject({ keys_total: 1 });
  });

  it("says where no rate rule is enforced", async () => {
    const { config } = harness.context;
    config.rateLimiting = { ...config.rateLimiting, enabled: false };
    try {
      expect((await preview({ rule: { always: true, limits } })).body).toMatchObject({
        keys_total: 1,
        enforced: false,
      });
      expect((await preview({ budget: { limit_usd: "1", period: "day" } })).body).toMatchObject({ enforced: true });
    } finally {
      config.rateLimiting = { ...config.rateLimiting, enabled: true };
    }
  });

  it("422 with every field at fault, 404 for what it cannot replace, 409 for the config file's", async () => {
    const wrong = await preview({ rule: { priority: -1, limits: { apples_per_day: 1 } } });
    const issues = (wrong.body.error as { issues: { path: string }[] }).issues.map(({ path }) => path);
    expect([wrong.status, issues]).toEqual([422, ["rule.priority", "rule.limits.apples_per_day", "rule.limits"]]);
    for (const body of [{}, { rule: { always: true, limits }, budget: { limit_usd: "1", period: "day" } }]) {
      expect((await preview(body)).status).toBe(422);
    }
    const budget = await harness.system.budgets.create({ limit_usd: "1", period: "day" });
    for (const replaces of ["rule_none", budget.id]) {
      expect((await preview({ rule: { always: true, limits }, replaces })).status).toBe(404);
    }
    expect((await preview({ rule: { always: true, limits }, replaces: "rule_config0" })).status).toBe(409);
  });
});
