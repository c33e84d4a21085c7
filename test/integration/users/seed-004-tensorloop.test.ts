import { afterAll, beforeAll, expect, test } from "vitest";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { type Browser, openUsersGateway, signUp } from "../../support/users-harness.ts";

/** A dashboard whose people hold a few keys each: alias, models, budget, rate, expiry, and nobody sees anybody else's. */

const dayMs = 86_400_000;
let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await openUsersGateway();
});
afterAll(() => gateway.close());

async function mint(browser: Browser, body: Record<string, unknown>) {
  const answer = await browser.send("POST", "/admin/api-keys", body);
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  return answer.body as {
    api_key: string;
    public_id: string;
    alias: string;
    expires_at: string;
    budgets: unknown;
    rate_limits: unknown;
  };
}

function infer(key: string, model: string): Promise<Response> {
  const body = { model, messages: [{ role: "user", content: "hi" }] };
  return gateway.call("POST", "/v1/chat/completions", key, body);
}

test("a key is minted with the plan's budget and rate, and an expiry of 90 days; the plaintext is shown once", async () => {
  const browser = await signUp(gateway.url);
  const made = await mint(browser, { alias: "my-laptop" });
  expect(made.budgets).toEqual([{ limit_usd: "5", period: "30d" }]);
  expect(made.rate_limits).toEqual({ requests_per_minute: 30 });
  const days = (Date.parse(made.expires_at) - Date.now()) / dayMs;
  expect(days).toBeGreaterThan(89.9);
  expect(days).toBeLessThan(90.1);
  expect((await infer(made.api_key, "echo::any")).status).toBe(200);
  const secret = made.api_key.slice(-40);
  for (const path of ["/admin/api-keys", `/admin/api-keys/${made.public_id}`]) {
    const answer = await browser.send("GET", path);
    expect(answer.text).toContain(made.public_id);
    expect(answer.text).not.toContain(secret);
  }
});

test("the expiry is at most 365 days", async () => {
  const browser = await signUp(gateway.url);
  const expiry = (days: number) => new Date(Date.now() + days * dayMs).toISOString();
  await mint(browser, { alias: "a-year", expires_at: expiry(364) });
  const answer = await browser.send("POST", "/admin/api-keys", { alias: "longer", expires_at: expiry(367) });
  expect([answer.status, answer.text]).toEqual([422, expect.stringContaining("expires_at")]);
});

test("an alias is lower-case letters, numbers and dashes, once among an account's live keys", async () => {
  const browser = await signUp(gateway.url);
  const bad = ["My-Laptop", "my_laptop", "my laptop", "-laptop", "laptop-", "my--laptop", "", "ümlaut", "a".repeat(65)];
  for (const alias of bad) {
    const answer = await browser.send("POST", "/admin/api-keys", { alias });
    expect([alias, answer.status]).toEqual([alias, 422]);
    expect(answer.text).toContain("alias");
  }
  await mint(browser, { alias: "prod-backend" });
  expect((await browser.send("POST", "/admin/api-keys", { alias: "prod-backend" })).status).toBe(409);
  // Somebody else's alias is no news to anybody.
  await mint(await signUp(gateway.url), { alias: "prod-backend" });
});

test("a model that is not on the key's allowlist is refused with 403", async () => {
  const { api_key: key } = await mint(await signUp(gateway.url), { alias: "narrow", models: ["echo::allowed"] });
  expect((await infer(key, "echo::allowed")).status).toBe(200);
  const refused = await infer(key, "echo::other");
  expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("model_not_allowed")]);
});

test("the third key of the free plan fails with plan_limit_keys; revoking one, or upgrading, makes room", async () => {
  const browser = await signUp(gateway.url);
  const first = await mint(browser, { alias: "first" });
  const second = await mint(browser, { alias: "second" });
  const third = await browser.send("POST", "/admin/api-keys", { alias: "third" });
  expect(third.status).toBe(403);
  expect(third.body.error).toMatchObject({
    code: "plan_limit_keys",
    message: expect.stringMatching(/free allows 2 keys/),
  });
  // A disabled key still is a key.
  expect((await browser.send("POST", `/admin/api-keys/${second.public_id}/disable`)).status).toBe(200);
  expect((await browser.send("POST", "/admin/api-keys", { alias: "third" })).status).toBe(403);
  expect((await browser.send("DELETE", `/admin/api-keys/${first.public_id}`)).status).toBe(204);
  expect((await infer(first.api_key, "echo::any")).status).toBe(401);
  await mint(browser, { alias: "third" });
  expect((await browser.send("POST", "/admin/api-keys", { alias: "fourth" })).status).toBe(403);
  const upgrade = await gateway.call("PATCH", `/admin/users/${browser.id}`, gateway.adminKey, { plan: "pro" });
  expect(upgrade.status).toBe(200);
  for (let count = 3; count <= 10; count++) await mint(browser, { alias: `key-${count}` });
  const eleventh = await browser.send("POST", "/admin/api-keys", { alias: "key-11" });
  expect(eleventh.body.error).toMatchObject({
    code: "plan_limit_keys",
    message: expect.stringMatching(/pro allows 10 keys/),
  });
});

test("of 20 creates at once on a plan of two keys exactly two come through", async () => {
  const browser = await signUp(gateway.url);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => browser.send("POST", "/admin/api-keys", { alias: `at-once-${index}` })),
  );
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(2);
  expect(answers.filter(({ text }) => text.includes("plan_limit_keys"))).toHaveLength(18);
  const [row] = await gateway.database.database
    .sql`select count(*)::int as n from api_key where owner_id = ${browser.id}`;
  expect(row).toEqual({ n: 2 });
});

test("neither budget nor rate goes beyond the plan; less is fine, other periods stand beside it", async () => {
  const browser = await signUp(gateway.url);
  const above = {
    alias: "rich",
    budgets: [{ limit_usd: 5.01, period: "30d" }],
    rate_limits: { requests_per_minute: 31 },
  };
  const answer = await browser.send("POST", "/admin/api-keys", above);
  expect(answer.status).toBe(422);
  const { issues } = answer.body.error as { issues: { path: string; message: string }[] };
  expect(issues.map(({ path }) => path)).toEqual(["budgets[0].limit_usd", "rate_limits.requests_per_minute"]);
  expect(issues[0]?.message).toContain("at most 5 USD");
  const made = await mint(browser, {
    alias: "modest",
    budgets: [{ limit_usd: 1, period: "day" }],
    rate_limits: { requests_per_minute: 3 },
  });
  expect(made.budgets).toEqual([
    { limit_usd: "1", period: "day" },
    { limit_usd: "5", period: "30d" },
  ]);
  const path = `/admin/api-keys/${made.public_id}`;
  expect((await browser.send("PATCH", path, { rate_limits: { requests_per_minute: 3000 } })).status).toBe(422);
  const emptied = await browser.send("PATCH", path, { budgets: [], rate_limits: {} });
  expect(emptied.body).toMatchObject({
    budgets: [{ limit_usd: "5", period: "30d" }],
    rate_limits: { requests_per_minute: 30 },
  });
});

test("keys are listed by session only: no key of a user can list, read or hold anything of the admin API", async () => {
  const browser = await signUp(gateway.url);
  const { api_key: key, public_id: id } = await mint(browser, { alias: "leaked" });
  for (const path of [
    "/admin/api-keys",
    `/admin/api-keys/${id}`,
    "/admin/session",
    "/admin/usage",
    "/admin/users",
    "/admin/plans",
  ]) {
    const answer = await gateway.call("GET", path, key);
    expect([path, answer.status]).toEqual([path, 403]);
  }
  for (const grant of ["admin:keys", "admin:usage", "admin:*", "keys:verify", "keys:*", "*"]) {
    const made = await browser.send("POST", "/admin/api-keys", {
      alias: "strong",
      permissions: ["ai:inference", grant],
    });
    expect([grant, made.status]).toEqual([grant, 403]);
    const raised = await browser.send("PATCH", `/admin/api-keys/${id}`, { permissions: [grant] });
    expect([grant, raised.status]).toEqual([grant, 403]);
  }
});

test("nobody sees, changes or counts what belongs to somebody else", async () => {
  const ada = await signUp(gateway.url);
  const eve = await signUp(gateway.url);
  const { public_id: id, api_key: key } = await mint(ada, { alias: "adas-secret-project" });
  await (await infer(key, "echo::any")).text();
  const nothing = await eve.send("GET", "/admin/api-keys/000000000000");
  expect(nothing.status).toBe(404);
  const tries: [string, string, unknown?][] = [
    ["GET", ""],
    ["PATCH", "", { alias: "mine" }],
    ["PATCH", "", { owner_id: eve.id }],
    ["DELETE", ""],
    ["POST", "/disable"],
    ["POST", "/enable"],
    ["POST", "/rotate"],
  ];
  for (const [method, rest, body] of tries) {
    const answer = await eve.send(method, `/admin/api-keys/${id}${rest}`, body);
    expect([method, rest, answer.status, answer.text]).toEqual([method, rest, 404, nothing.text]);
  }
  for (const query of ["", `?owner_id=${ada.id}`, "?q=secret-project", "?alias=adas-secret-project"]) {
    expect((await eve.send("GET", `/admin/api-keys${query}`)).body).toEqual({ api_keys: [], next_cursor: null });
  }
  expect((await eve.send("GET", `/admin/usage?owner_id=${ada.id}`)).status).toBe(404);
  expect((await eve.send("GET", `/admin/usage?public_id=${id}`)).text).not.toContain(id);
  expect((await eve.send("GET", "/admin/usage")).body).toMatchObject({ totals: { requests: 0 } });
  for (const path of ["/admin/users", `/admin/users/${ada.id}`, "/admin/audit"]) {
    expect([path, (await eve.send("GET", path)).status]).toEqual([path, 403]);
  }
  const forAda = await eve.send("POST", "/admin/api-keys", { alias: "planted", owner_id: ada.id });
  const forNobody = await eve.send("POST", "/admin/api-keys", { alias: "planted", owner_id: null });
  expect([forAda.status, forNobody.status]).toEqual([403, 403]);
  expect((await infer(key, "echo::any")).status).toBe(200);
  expect((await ada.send("GET", `/admin/api-keys/${id}`)).body).toMatchObject({
    alias: "adas-secret-project",
    version: 1,
  });
});
