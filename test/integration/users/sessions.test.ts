import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import {
  type Browser,
  makeBrowser,
  openUsersGateway,
  signIn,
  signUp,
  testPassword,
} from "../../support/users-harness.ts";
import { waitUntil } from "../../support/wait-until.ts";

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await openUsersGateway();
});
afterAll(() => gateway.close());

const name = "tollgate.session_token";

async function isSignedIn(browser: Browser): Promise<boolean> {
  const { status, text } = await browser.send("GET", "/admin/session");
  if (status === 200) return true;
  expect([status, text]).toEqual([401, expect.stringContaining("missing_api_key")]);
  return false;
}

/** Milliseconds after now at which a session was last let in; the longest that is looked. */
async function watch(browser: Browser): Promise<number> {
  const startedMs = performance.now();
  let lastMs = 0;
  while (performance.now() - startedMs < 1_500) {
    const sentMs = performance.now();
    if (await isSignedIn(browser)) lastMs = sentMs - startedMs;
    await sleep(50);
  }
  return lastMs;
}

/** A copy, as a thief would hold it. */
function copy(browser: Browser): Browser {
  const thief = makeBrowser(gateway.url);
  thief.cookie = browser.cookie;
  return thief;
}

test("a cookie that was there before signing in is not the session afterwards", async () => {
  const { email, cookie } = await signUp(gateway.url);
  const planted = makeBrowser(gateway.url);
  planted.cookie = cookie;
  const body = { email, password: testPassword };
  expect((await planted.send("POST", "/api/auth/sign-in/email", body)).status).toBe(200);
  expect(planted.cookie).not.toBe(cookie);
  const invented = makeBrowser(gateway.url);
  invented.cookie = `${name}=${"A".repeat(32)}.${"B".repeat(43)}=`;
  expect((await invented.send("POST", "/api/auth/sign-in/email", body)).status).toBe(200);
  expect(invented.cookie).not.toContain("AAAA");
});

test("only a token under our signature is a session", async () => {
  const browser = await signUp(gateway.url);
  const value = decodeURIComponent(browser.cookie.slice(name.length + 1));
  const [token = "", signature = ""] = value.split(".");
  const other = await signUp(gateway.url);
  const [, foreign = ""] = decodeURIComponent(other.cookie.slice(name.length + 1)).split(".");
  const bad = [
    token,
    `${token}.`,
    `.${signature}`,
    `${token}.${foreign}`,
    `${token}x.${signature}`,
    `${token}.${signature}.x`,
  ];
  for (const text of [...bad, "", "%", "%00", `${token}%2E`, "x".repeat(9_000)]) {
    const thief = makeBrowser(gateway.url);
    thief.cookie = `${name}=${text}`;
    expect([text.slice(0, 40), await isSignedIn(thief)]).toEqual([text.slice(0, 40), false]);
  }
  expect(await isSignedIn(browser)).toBe(true);
});

test("after signing out the cookie is worth nothing", async () => {
  const browser = await signUp(gateway.url);
  const thief = copy(browser);
  expect((await browser.send("POST", "/api/auth/sign-out")).status).toBe(200);
  expect(browser.setCookies.some((line) => /max-age=0/i.test(line))).toBe(true);
  expect(await watch(thief)).toBeLessThanOrEqual(1_000);
});

test("a changed password ends all sessions but the new one, even where the page does not ask for it", async () => {
  const browser = await signUp(gateway.url);
  const elsewhere = await signIn(gateway.url, browser.email);
  const thief = copy(browser);
  const newPassword = "another horse entirely";
  const body = { currentPassword: testPassword, newPassword, revokeOtherSessions: false };
  expect((await browser.send("POST", "/api/auth/change-password", { ...body, currentPassword: "no" })).status).toBe(
    400,
  );
  expect((await browser.send("POST", "/api/auth/change-password", body)).status).toBe(200);
  const [thiefMs, elsewhereMs] = await Promise.all([watch(thief), watch(elsewhere)]);
  expect(thiefMs).toBeLessThanOrEqual(1_000);
  expect(elsewhereMs).toBeLessThanOrEqual(1_000);
  expect(await isSignedIn(browser)).toBe(true);
  const entries = await gateway.database.database.sql<{ actor: string; ip: string }[]>`
    select actor, ip from audit_entry where action = 'users.changePassword' and object_id = ${browser.id}`;
  expect([...entries]).toEqual([{ actor: `user:${browser.id}`, ip: "127.0.0.1" }]);
  const old = { email: browser.email, password: testPassword };
  expect((await makeBrowser(gateway.url).send("POST", "/api/auth/sign-in/email", old)).status).toBe(401);
  const set = await gateway.call("PATCH", `/admin/users/${browser.id}`, gateway.adminKey, { password: testPassword });
  expect(set.status).toBe(200);
  expect(await watch(browser)).toBeLessThanOrEqual(1_000);
  await signIn(gateway.url, browser.email);
});

test("a new role ends the sessions of the old one", async () => {
  const browser = await signUp(gateway.url);
  const path = `/admin/users/${browser.id}`;
  expect((await browser.send("GET", "/admin/users")).status).toBe(403);
  expect((await gateway.call("PATCH", path, gateway.adminKey, { role: "admin" })).status).toBe(200);
  expect(await watch(browser)).toBeLessThanOrEqual(1_000);
  const admin = await signIn(gateway.url, browser.email);
  expect((await admin.send("GET", "/admin/users")).status).toBe(200);
  for (const [method, rest, body] of [
    ["PATCH", "", { role: "member" }],
    ["POST", "/disable", {}],
    ["DELETE", "", undefined],
  ] as const) {
    expect((await admin.send(method, path + rest, body)).status).toBe(409);
  }
  expect((await gateway.call("PATCH", path, gateway.adminKey, { role: "member" })).status).toBe(200);
  expect(await watch(admin)).toBeLessThanOrEqual(1_000);
});

test("who is disabled or deleted is out, and comes in only when enabled", async () => {
  const browser = await signUp(gateway.url);
  const path = `/admin/users/${browser.id}`;
  expect((await gateway.call("POST", `${path}/disable`, gateway.adminKey)).status).toBe(200);
  expect(await watch(browser)).toBeLessThanOrEqual(1_000);
  const right = { email: browser.email, password: testPassword };
  const refused = await makeBrowser(gateway.url).send("POST", "/api/auth/sign-in/email", right);
  expect([refused.status, refused.body.code]).toEqual([403, "USER_DISABLED"]);
  const guess = await makeBrowser(gateway.url).send("POST", "/api/auth/sign-in/email", {
    ...right,
    password: "a guess!",
  });
  expect(guess.status).toBe(401);
  expect((await gateway.database.database.sql`select 1 from app_session where user_id = ${browser.id}`).length).toBe(0);
  expect((await gateway.call("POST", `${path}/enable`, gateway.adminKey)).status).toBe(200);
  const again = await signIn(gateway.url, browser.email);
  expect((await gateway.call("DELETE", path, gateway.adminKey)).status).toBe(204);
  expect(await watch(again)).toBeLessThanOrEqual(1_000);
  expect((await gateway.call("DELETE", path, gateway.adminKey)).status).toBe(404);
});

test("a session ends 30 minutes after its last use, and 12 hours after it began", async () => {
  const { sql } = gateway.database.database;
  const browser = await signUp(gateway.url);
  const find = async () => {
    const [row] = await sql<{ left: number; total: number }[]>`
      select extract(epoch from expires_at - now())::float as left,
        extract(epoch from expires_at - created_at)::float as total
      from app_session where user_id = ${browser.id}`;
    return row ?? { left: 0, total: 0 };
  };
  expect((await find()).left).toBeGreaterThan(1_790);
  expect((await find()).left).toBeLessThanOrEqual(1_800);
  await sql`update app_session set expires_at = now() + interval '10 minutes' where user_id = ${browser.id}`;
  expect(await isSignedIn(browser)).toBe(true);
  expect((await find()).left).toBeGreaterThan(1_790);
  // Looking at it through better-auth is no use of it.
  await sql`update app_session set expires_at = now() + interval '10 minutes' where user_id = ${browser.id}`;
  expect((await browser.send("GET", "/api/auth/get-session")).status).toBe(200);
  expect((await find()).left).toBeLessThanOrEqual(600);
  await sql`update app_session set created_at = now() - interval '11 hours 50 minutes' where user_id = ${browser.id}`;
  expect(await isSignedIn(browser)).toBe(true);
  expect((await find()).total).toBeLessThanOrEqual(12 * 3_600 + 0.01);
  await sql`update app_session set expires_at = now() where user_id = ${browser.id}`;
  expect(await isSignedIn(copy(browser))).toBe(false);
  const second = await signIn(gateway.url, browser.email);
  await waitUntil(
    async () => (await sql`select 1 from app_session where user_id = ${browser.id}`).length === 1,
    "the ended session is taken out",
  );
  // Whatever a row says of its end.
  await sql`
    update app_session set created_at = now() - interval '12 hours', expires_at = now() + interval '1 day'
    where user_id = ${browser.id}`;
  expect(await isSignedIn(second)).toBe(false);
});

test("a session is no credential of the inference API, an inference key none of the admin API, and both together are refused", async () => {
  const browser = await signUp(gateway.url);
  const made = await browser.send("POST", "/admin/api-keys", { alias: "mine" });
  const key = String(made.body.api_key);
  const { cookie } = browser;
  const [, token = ""] = cookie.split("=");
  const body = { model: "echo::any", messages: [{ role: "user", content: "hi" }] };
  const disguises: Record<string, string>[] = [
    { cookie },
    { authorization: `Bearer ${token}` },
    { authorization: `Bearer ${decodeURIComponent(token)}` },
    { authorization: `Bearer ${decodeURIComponent(token).split(".")[0]}` },
    { "x-api-key": decodeURIComponent(token) },
  ];
  let refused = 0;
  for (const path of ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]) {
    for (const headers of disguises) {
      const answer = await makeBrowser(gateway.url).send("POST", path, body, headers);
      expect([path, headers, answer.status]).toEqual([path, headers, 401]);
      refused++;
    }
  }
  for (const path of ["/v1/models", "/v1/key", "/v1/usage"]) {
    const answer = await makeBrowser(gateway.url).send("GET", path, undefined, { cookie });
    expect(answer.status).toBeGreaterThanOrEqual(401);
    refused++;
  }
  expect(refused).toBe(18);
  for (const path of ["/admin/api-keys", "/admin/session", "/trpc/keys.list", "/trpc/session.get"]) {
    expect([path, (await gateway.call("GET", path, key)).status]).toEqual([path, 403]);
    const both = await browser.send("GET", path, undefined, { authorization: `Bearer ${gateway.adminKey}` });
    expect([path, both.status, both.text]).toEqual([path, 400, expect.stringContaining("conflicting_credentials")]);
  }
});
