import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCaller } from "../../../server/admin/router.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

/** What happens to a user happens to the user's keys, on every gateway, within a second. */

const config = `
[plans.free]
keys = 2
budget_usd = 5
requests_per_minute = 30
[plans.pro]
keys = 10
[plans.small]
keys = 1
models = ["echo::small", "!echo::never"]
rotate = false
`;
let near: TestGateway;
let far: TestGateway;
let admin: ReturnType<typeof makeCaller>;
beforeAll(async () => {
  near = await openTestGateway({ config });
  far = await openTestGateway({ config, database: near.database, dataDir: near.dataDir });
  const { database, clock, logger } = near.context;
  const origin = { ip: "", requestId: "" };
  admin = makeCaller({ caller: { kind: "system" }, origin, database, clock, config: near.config, logger, randomBytes });
});
afterAll(async () => {
  await far.close();
  await near.close();
});

let count = 0;
async function makeUser(plan = "pro"): Promise<string> {
  return (await admin.users.create({ email: `owner-${++count}@example.com`, plan })).id;
}

async function makeKey(owner: string, more: object = {}): Promise<{ text: string; id: string }> {
  const made = await admin.keys.create({ owner_id: owner, ...more });
  if (made.api_key === null) throw new Error("a new key has a plaintext");
  const key = { text: made.api_key, id: made.public_id };
  for (const gateway of [near, far]) expect((await call(gateway, key.text)).status).toBe(200);
  return key;
}

async function call(
  gateway: TestGateway,
  key: string,
  model = "echo::small",
): Promise<{ status: number; code: string }> {
  const body = { model, messages: [{ role: "user", content: "hi" }] };
  const response = await gateway.call("/v1/chat/completions", body, key);
  const text = await response.text();
  return { status: response.status, code: /"code":"([a-z_]+)"/.exec(text)?.[1] ?? "" };
}

/** Calls both gateways until the answer is `code`, six times in a row; how long after now that took. */
async function waitForCode(key: string, code: string, model?: string): Promise<number> {
  const startedMs = performance.now();
  const lane = async (gateway: TestGateway): Promise<number> => {
    let otherMs = 0;
    for (let seen = 0; seen < 6; ) {
      const sentMs = performance.now() - startedMs;
      if (sentMs > 20_000) throw new Error(`never ${code}`);
      if ((await call(gateway, key, model)).code === code) seen++;
      else {
        seen = 0;
        otherMs = sentMs;
      }
      await sleep(30);
    }
    return otherMs;
  };
  return Math.max(...(await Promise.all([lane(near), lane(far)])));
}

test("the keys of a disabled user are refused, and work again when the user is enabled", async () => {
  const owner = await makeUser();
  const key = await makeKey(owner);
  await admin.users.disable({ user_id: owner });
  expect(await waitForCode(key.text, "disabled_api_key")).toBeLessThanOrEqual(1_000);
  expect((await admin.keys.get({ public_id: key.id })).state).toBe("active");
  await admin.users.enable({ user_id: owner });
  expect(await waitForCode(key.text, "")).toBeLessThanOrEqual(1_000);
});

test("the keys of a deleted user are revoked", async () => {
  const owner = await makeUser();
  const key = await makeKey(owner);
  await admin.users.delete({ user_id: owner });
  expect(await waitForCode(key.text, "revoked_api_key")).toBeLessThanOrEqual(1_000);
  await admin.users.create({ email: `owner-${count}@example.com` });
  expect((await call(near, key.text)).code).toBe("revoked_api_key");
});

test("the models of a plan hold beside those of the key", async () => {
  const owner = await makeUser();
  const key = await makeKey(owner, { models: ["echo::s*", "echo::never"] });
  expect((await call(near, key.text, "echo::sister")).status).toBe(200);
  await admin.users.update({ user_id: owner, plan: "small" });
  expect(await waitForCode(key.text, "model_not_allowed", "echo::sister")).toBeLessThanOrEqual(1_000);
  for (const gateway of [near, far]) {
    expect((await call(gateway, key.text, "echo::small")).status).toBe(200);
    expect((await call(gateway, key.text, "echo::never")).code).toBe("model_not_allowed");
    const listed = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key.text}` } });
    expect(await listed.text()).not.toContain("sister");
  }
  await expect(admin.keys.rotate({ public_id: key.id })).rejects.toThrow(/The plan small has no rotation/);
});

test("a smaller plan disables the keys that were not used for the longest time, and names them", async () => {
  const owner = await makeUser();
  const keys = [await makeKey(owner), await makeKey(owner), await makeKey(owner), await makeKey(owner)];
  const { sql } = near.database.database;
  for (const [index, { id }] of keys.entries()) {
    const ago = `${[30, 10, 40, 20][index]} days`;
    await sql`update api_key set created_at = now() - interval '60 days', last_used_at = now() - ${ago}::interval where public_id = ${id}`;
  }
  const changed = await admin.users.update({ user_id: owner, plan: "free" });
  const [first, second, third, fourth] = keys as [
    (typeof keys)[0],
    (typeof keys)[0],
    (typeof keys)[0],
    (typeof keys)[0],
  ];
  expect(changed.disabled_keys.map((key) => key.public_id).sort()).toEqual([first.id, third.id].sort());
  for (const { text } of [first, third]) expect(await waitForCode(text, "disabled_api_key")).toBeLessThanOrEqual(1_000);
  for (const { text } of [second, fourth]) expect((await call(far, text)).status).toBe(200);
  await expect(admin.keys.enable({ public_id: first.id })).rejects.toThrow(
    /free allows 2 keys; disable another one first/,
  );
  await admin.keys.disable({ public_id: second.id });
  await admin.keys.enable({ public_id: first.id });
  const actions = await sql<{ action: string; object_type: string; object_id: string }[]>`
    select action, object_type, object_id from audit_entry where action = 'users.update' order by seq desc limit 3`;
  expect(actions.map(({ object_type: type, object_id: id }) => [type, id]).sort()).toEqual(
    [
      ["api_key", first.id],
      ["api_key", third.id],
      ["user", owner],
    ].sort(),
  );
});

test("changes of plan and enabling at once neither fail nor let one key too many live", async () => {
  const owner = await makeUser();
  const keys = [await makeKey(owner), await makeKey(owner), await makeKey(owner)];
  for (let round = 0; round < 10; round++) {
    const results = await Promise.allSettled([
      admin.users.update({ user_id: owner, plan: round % 2 === 0 ? "free" : "pro" }),
      ...keys.map(({ id }) => admin.keys.enable({ public_id: id })),
      ...keys.map(({ id }) => admin.keys.update({ public_id: id, name: `round ${round}` })),
    ]);
    for (const result of results) {
      expect(result.status === "fulfilled" ? "free allows 2 keys" : String(result.reason)).toContain(
        "free allows 2 keys",
      );
    }
    const user = await admin.users.get({ user_id: owner });
    const { api_keys: live } = await admin.keys.list({ owner_id: owner, state: "active" });
    expect(live.length).toBeLessThanOrEqual(user.plan === "free" ? 2 : 10);
  }
});

test("what a member may not have is gone from the keys of who was an admin", async () => {
  const owner = await makeUser();
  await admin.users.update({ user_id: owner, role: "admin" });
  const key = await makeKey(owner, { permissions: ["*"], budgets: [], rate_limits: {} });
  const find = async () => (await near.context.proxy.authenticate(requestWith(key.text), "bearer")) as object;
  expect(await find()).toMatchObject({ key: { permissions: ["*"], budgets: [] } });
  await admin.users.update({ user_id: owner, role: "member", plan: "free" });
  const deadlineMs = performance.now() + 1_000;
  let found = await find();
  while (JSON.stringify(found, skipBigint).includes('"permissions":["*"]') && performance.now() < deadlineMs) {
    await sleep(20);
    found = await find();
  }
  expect(found).toMatchObject({
    key: {
      permissions: ["vec:*", "kev:*", "data:*", "ai:*", "files:*"],
      budgets: [{ limitNanoUsd: 5_000_000_000n, period: "30d" }],
      rateLimits: { requests_per_minute: 30 },
    },
  });
  await expect(admin.keys.create({ owner_id: owner, permissions: ["admin:keys"] })).rejects.toThrow(
    /cannot hold admin:keys/,
  );
});

function requestWith(key: string): Parameters<TestGateway["context"]["proxy"]["authenticate"]>[0] {
  const headers = { authorization: `Bearer ${key}` };
  return {
    headers,
    headersDistinct: { authorization: [headers.authorization] },
    rawHeaders: ["authorization", headers.authorization],
  } as never;
}

function skipBigint(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
