import { afterAll, beforeAll, expect, test } from "vitest";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { type Browser, openUsersGateway, signIn, signUp } from "../../support/users-harness.ts";

/** What an operator sets on a key that is made for a member, the member cannot loosen. */

let gateway: GatewayProcess;
let member: Browser & { id: string };
let admin: Browser;
beforeAll(async () => {
  gateway = await openUsersGateway();
  member = await signUp(gateway.url);
  const { id, email } = await signUp(gateway.url);
  await gateway.call("PATCH", `/admin/users/${id}`, gateway.adminKey, { role: "admin" });
  admin = await signIn(gateway.url, email);
});
afterAll(() => gateway.close());

test("a member may name, narrow, disable and revoke such a key, and nothing else", async () => {
  const made = await admin.send("POST", "/admin/api-keys", {
    owner_id: member.id,
    alias: "for-you",
    tags: { customer: "one" },
    models: ["echo::*"],
    rate_limits: { requests_per_minute: 3 },
    allowed_ips: ["127.0.0.0/8"],
    budgets: [{ limit_usd: 1, period: "30d" }],
    provider_credentials: { openai: "team-key" },
  });
  expect(made.status).toBe(201);
  const path = `/admin/api-keys/${String(made.body.public_id)}`;
  const loose: [string, Record<string, unknown>][] = [
    ["tags", { tags: {} }],
    ["tags", { tags: { customer: "two" } }],
    ["tags", { tags: { customer: "one", more: "x" } }],
    ["models", { models: ["*"] }],
    ["rate_limits", { rate_limits: { requests_per_minute: 4 } }],
    ["allowed_ips", { allowed_ips: [] }],
    ["budgets", { budgets: [{ limit_usd: 2, period: "30d" }] }],
    ["permissions", { permissions: ["ai:*"] }],
    ["expires_at", { expires_at: new Date(Date.now() + 300 * 86_400_000).toISOString() }],
    ["owner_id", { owner_id: null }],
    ["provider_credentials", { provider_credentials: {} }],
    ["provider_credentials.openai", { provider_credentials: { openai: "another" } }],
  ];
  for (const [field, body] of loose) {
    const answer = await member.send("PATCH", path, body);
    expect([body, answer.status, answer.text]).toEqual([body, 403, expect.stringContaining(field)]);
  }
  const narrowed = { name: "mine", models: ["echo::one"], rate_limits: { requests_per_minute: 2 } };
  expect((await member.send("PATCH", path, narrowed)).body).toMatchObject({ ...narrowed, version: 2 });
  expect((await admin.send("POST", `${path}/disable`)).status).toBe(200);
  expect((await member.send("POST", `${path}/enable`)).status).toBe(403);
  expect((await member.send("PATCH", path, { state: "active" })).status).toBe(403);
  const bulk = { public_ids: [made.body.public_id], action: "enable" };
  expect((await member.send("POST", "/admin/api-keys/bulk", bulk)).body).toMatchObject({ results: [{ ok: false }] });
  expect((await admin.send("POST", `${path}/enable`)).status).toBe(200);
  expect((await member.send("DELETE", path)).status).toBe(204);
});

test("what an operator disabled a member does not enable, whoever made the key and whatever happened to it since", async () => {
  const made = await member.send("POST", "/admin/api-keys", { alias: "my-own" });
  const path = `/admin/api-keys/${String(made.body.public_id)}`;
  const requireHeld = async (): Promise<void> => {
    for (const [tail, body] of [["/enable"], ["", { state: "active" }]] as [string, object?][]) {
      const answer = await member.send(body === undefined ? "POST" : "PATCH", path + tail, body);
      expect([answer.status, answer.text]).toEqual([403, expect.stringContaining("only an operator enables it")]);
    }
    const bulk = { public_ids: [made.body.public_id], action: "enable" };
    expect((await member.send("POST", "/admin/api-keys/bulk", bulk)).body).toMatchObject({ results: [{ ok: false }] });
    expect((await member.send("GET", path)).body).toMatchObject({ state: "disabled", operator_hold: true });
  };
  // What a member disabled, the member enables.
  expect((await member.send("POST", `${path}/disable`)).body).toMatchObject({ operator_hold: false });
  expect((await member.send("POST", `${path}/enable`)).status).toBe(200);
  for (const disable of [
    () => admin.send("POST", `${path}/disable`),
    () => admin.send("PATCH", path, { state: "disabled" }),
    () => admin.send("POST", "/admin/api-keys/bulk", { public_ids: [made.body.public_id], action: "disable" }),
    () => gateway.call("POST", `${path}/disable`, gateway.adminKey),
    async () => {
      expect((await member.send("POST", `${path}/disable`)).status).toBe(200);
      return admin.send("POST", `${path}/disable`);
    },
  ]) {
    expect((await disable()).status).toBe(200);
    await requireHeld();
    // Disabling it once more takes the operator's away as little as a name does.
    expect((await member.send("POST", `${path}/disable`)).status).toBe(200);
    expect((await member.send("PATCH", path, { name: "still mine" })).status).toBe(200);
    await requireHeld();
    expect((await admin.send("POST", `${path}/enable`)).body).toMatchObject({ state: "active", operator_hold: false });
  }
  // A sweep marks a disabled key as expired too; a later end brings back what it was.
  await admin.send("POST", `${path}/disable`);
  const { sql } = gateway.database.database;
  await sql`update api_key set state = 'expired', expires_at = now() - interval '1 hour' where public_id = ${String(made.body.public_id)}`;
  const later = { expires_at: new Date(Date.now() + 86_400_000).toISOString() };
  expect((await member.send("PATCH", path, later)).body).toMatchObject({ state: "disabled", operator_hold: true });
  await requireHeld();
  expect((await member.send("DELETE", path)).status).toBe(204);
  expect((await member.send("DELETE", path)).status).toBe(204);
});

test("a member pins no stored credential on a key of the member's own", async () => {
  const pinned = { alias: "pinned", provider_credentials: { openai: "team-key" } };
  const answer = await member.send("POST", "/admin/api-keys", pinned);
  expect([answer.status, answer.text]).toEqual([403, expect.stringContaining("provider_credentials.openai")]);
});

test("an admin's ceilings are nobody's: keys beyond the plan, of any limit, for anybody", async () => {
  for (let count = 1; count <= 4; count++) {
    expect((await admin.send("POST", "/admin/api-keys", { alias: `mine-${count}` })).status).toBe(201);
  }
  const rich = { alias: "rich", budgets: [{ limit_usd: 5_000, period: "30d" }], permissions: ["admin:keys"] };
  expect((await admin.send("POST", "/admin/api-keys", rich)).status).toBe(201);
  expect((await admin.send("POST", "/admin/api-keys", { alias: "nobodys", owner_id: null })).body.owner_id).toBeNull();
  // The ceilings of a member hold whoever makes the key.
  const tooRich = await admin.send("POST", "/admin/api-keys", {
    ...rich,
    permissions: ["ai:inference"],
    owner_id: member.id,
  });
  expect(tooRich.status).toBe(422);
  for (const status of [201, 201, 403]) {
    expect((await admin.send("POST", "/admin/api-keys", { owner_id: member.id })).status).toBe(status);
  }
  // Nor does a key that was somebody else's come in by another door.
  const other = await admin.send("POST", "/admin/api-keys", { alias: "handed-over" });
  const moved = await admin.send("PATCH", `/admin/api-keys/${String(other.body.public_id)}`, { owner_id: member.id });
  expect([moved.status, moved.text]).toEqual([403, expect.stringContaining("plan_limit_keys")]);
});

test("users are seen and made by admins, and by no key that belongs to somebody or may do less than everything", async () => {
  const owned = await admin.send("POST", "/admin/api-keys", { alias: "owned", permissions: ["*"] });
  const limited = await gateway.makeKey({ permissions: ["admin:keys", "admin:usage"] });
  const body = { email: "mole@example.com", role: "admin" };
  expect((await gateway.call("POST", "/admin/users", String(owned.body.api_key), body)).status).toBe(403);
  expect((await gateway.call("GET", "/admin/users", String(owned.body.api_key))).status).toBe(403);
  expect((await gateway.call("POST", "/admin/users", limited.text, body)).status).toBe(403);
  expect((await gateway.call("POST", "/admin/users/invite", limited.text, body)).status).toBe(403);
  expect((await gateway.call("GET", "/admin/users", limited.text)).status).toBe(200);
  expect((await member.send("POST", "/admin/users", body)).status).toBe(403);
  const made = await admin.send("POST", "/admin/users", { email: "grace@example.com" });
  expect(made.status).toBe(201);
  expect((await admin.send("POST", "/admin/users", { email: "Grace@Example.com" })).status).toBe(409);
  const page = await admin.send("GET", "/admin/users?limit=2");
  const next = await admin.send("GET", `/admin/users?limit=2&cursor=${String(page.body.next_cursor)}`);
  const ids = [page, next].flatMap(({ body: { users } }) => (users as { id: string }[]).map(({ id }) => id));
  expect(new Set(ids).size).toBe(3);
  expect((await admin.send("GET", `/admin/users/${String(made.body.id)}`)).text).not.toMatch(/password|hash/);
});
