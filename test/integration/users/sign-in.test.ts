import { afterAll, beforeAll, expect, test } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { makeBrowser, openUsersGateway, signIn, signUp, testPassword } from "../../support/users-harness.ts";

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await openUsersGateway("", { TOLLGATE_LOG_LEVEL: "trace" });
});
afterAll(() => gateway.close());

const anonymous = { origin: null };

test("signing up opens a session, whose cookie is for this host and no script", async () => {
  const browser = await signUp(gateway.url);
  expect(browser.setCookies).toHaveLength(1);
  const [line = ""] = browser.setCookies;
  const [pair = "", ...attributes] = line.split("; ");
  expect(pair).toMatch(/^tollgate\.session_token=/);
  expect(attributes.sort()).toEqual(["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Lax"]);
  const session = await browser.send("GET", "/admin/session");
  expect(session.body).toMatchObject({
    user: { id: browser.id, email: browser.email, role: "member", plan: "free", state: "active" },
    plan: { name: "free", keys: 2, budget_usd: "5", requests_per_minute: 30 },
    key_count: 0,
  });
});

test("signing up is in the audit log with where it came from, and is not done where that cannot be written", async () => {
  const { sql } = gateway.database.database;
  const account = { name: "Ann", email: "audited@example.com", password: testPassword };
  const browser = makeBrowser(gateway.url);
  const count = async () => (await sql`select from app_user where email = ${account.email}`).length;
  const signature = "insert_audit_entry(text, text, text, text, text, jsonb, jsonb, text, text)";
  await sql.unsafe(`alter function ${signature} rename to lost`);
  try {
    expectPostgresLog(/function insert_audit_entry.* does not exist/);
    expect((await browser.send("POST", "/api/auth/sign-up/email", account)).status).toBe(500);
    expect(await count()).toBe(0);
  } finally {
    await sql.unsafe(`alter function ${signature.replace("insert_audit_entry", "lost")} rename to insert_audit_entry`);
  }
  const answer = await browser.send("POST", "/api/auth/sign-up/email", account);
  expect([answer.status, await count()]).toEqual([200, 1]);
  const { id } = answer.body.user as { id: string };
  const entries = await sql`
    select e.*, e.xmin::text = u.xmin::text as together from audit_entry e join app_user u on u.id = e.object_id
    where e.object_id = ${id}`;
  expect(entries).toMatchObject([
    {
      actor: `user:${id}`,
      action: "users.signUp",
      owner_id: id,
      after: { id, email: account.email, name: "Ann", role: "member", plan: "free" },
      ip: "127.0.0.1",
      request_id: answer.headers.get("x-request-id"),
      together: true,
    },
  ]);
});

test("behind https the cookie is Secure and bound to the host by its name", async () => {
  const origin = "https://gate.example.com";
  const secure = await openUsersGateway(`base_url = "${origin}"\nsign_up = "open"`);
  try {
    const browser = await signUp(secure.url, origin);
    expect(browser.setCookies).toHaveLength(1);
    const [line = ""] = browser.setCookies;
    const [pair = "", ...attributes] = line.split("; ");
    expect(pair).toMatch(/^__Host-tollgate\.session_token=/);
    expect(attributes.sort()).toEqual(["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Lax", "Secure"]);
    expect((await browser.send("GET", "/admin/session")).status).toBe(200);
    // Its own address on this machine is not what people open.
    const inside = await browser.send("POST", "/admin/api-keys", {}, { origin: secure.url });
    expect([inside.status, inside.text]).toEqual([403, expect.stringContaining("origin_not_allowed")]);
    // The name without the prefix is no session here.
    const renamed = { cookie: browser.cookie.replace("__Host-", "") };
    expect((await browser.send("GET", "/admin/session", undefined, renamed)).status).toBe(401);
  } finally {
    await secure.close();
  }
});

test("signing in asks for the right password, and tells neither what is wrong nor who exists", async () => {
  const { email } = await signUp(gateway.url);
  const wrong = await makeBrowser(gateway.url).send("POST", "/api/auth/sign-in/email", {
    email,
    password: "not it at all",
  });
  const nobody = { email: "nobody@example.com", password: testPassword };
  const unknown = await makeBrowser(gateway.url).send("POST", "/api/auth/sign-in/email", nobody);
  expect([wrong.status, unknown.status]).toEqual([401, 401]);
  expect(wrong.text).toBe(unknown.text);
  expect(wrong.headers.getSetCookie()).toEqual([]);
  const program = await makeBrowser(gateway.url).send(
    "POST",
    "/api/auth/sign-in/email",
    { email: email.toUpperCase(), password: testPassword },
    anonymous,
  );
  expect(program.status).toBe(200);
});

test("nobody makes himself an admin, picks his plan or his id", async () => {
  const browser = makeBrowser(gateway.url);
  const wish = { role: "admin", plan: "pro", id: "chosen", emailVerified: true, disabledAt: null };
  const body = { name: "Eve", email: "eve@example.com", password: testPassword, ...wish };
  expect((await browser.send("POST", "/api/auth/sign-up/email", body)).status).toBe(200);
  await browser.send("POST", "/api/auth/update-user", { name: "Eve II", ...wish });
  const session = await browser.send("GET", "/admin/session");
  expect(session.body.user).toMatchObject({ name: "Eve II", role: "member", plan: "free" });
  expect((session.body.user as { id: string }).id).not.toBe("chosen");
  const [row] = await gateway.database.database
    .sql`select email_verified from app_user where email = 'eve@example.com'`;
  expect(row).toEqual({ email_verified: false });
});

test("what of better-auth is not in use is not there", async () => {
  const browser = await signUp(gateway.url);
  const absent = [
    "reset-password",
    "request-password-reset",
    "delete-user",
    "change-email",
    "link-social",
    "verify-email",
  ];
  for (const path of [
    ...absent,
    "set-password",
    "update-session",
    "get-access-token",
    "error",
    "SIGN-OUT",
    "sign-out/",
  ]) {
    const answer = await browser.send("POST", `/api/auth/${path}`, { newEmail: "x@example.com" });
    expect([path, answer.status]).toEqual([path, 404]);
  }
});

test("after too many attempts from one address, however it names itself, 429 says when to come back", async () => {
  const strict = await openUsersGatewayWith(5);
  try {
    const statuses: number[] = [];
    const waits: number[] = [];
    for (let index = 0; index < 8; index++) {
      const guess = { email: "ada@example.com", password: `guess number ${index}` };
      const forged = { "x-forwarded-for": `192.0.2.${index}`, "x-tollgate-client-ip": `192.0.2.${index}` };
      const answer = await makeBrowser(strict.url).send("POST", "/api/auth/sign-in/email", guess, forged);
      statuses.push(answer.status);
      waits.push(Number(answer.headers.get("retry-after")));
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    expect(Math.min(...waits.slice(5))).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBeLessThanOrEqual(60);
  } finally {
    await strict.close();
  }
});

function openUsersGatewayWith(attempts: number): Promise<GatewayProcess> {
  return openGatewayProcess({ config: `[auth]\nattempts_per_minute = ${attempts}` });
}

test("where sign-up is closed nobody signs up; where it asks for an invitation, only who has one, once, for that e-mail", async () => {
  const closed = await openUsersGateway('sign_up = "closed"');
  try {
    const body = { name: "Ada", email: "ada@example.com", password: testPassword };
    expect((await makeBrowser(closed.url).send("POST", "/api/auth/sign-up/email", body)).status).toBe(400);
    expect((await closed.database.database.sql`select 1 from app_user`).length).toBe(0);
  } finally {
    await closed.close();
  }
  const asking = await openUsersGateway('sign_up = "invite"');
  try {
    const invite = { email: "Ada@example.com", plan: "pro" };
    const made = await asking.call("POST", "/admin/users/invite", asking.adminKey, invite);
    expect(made.status).toBe(201);
    const { invitation } = (await made.json()) as { invitation: string };
    const signUpWith = (email: string, text: string | undefined) =>
      makeBrowser(asking.url).send("POST", "/api/auth/sign-up/email", {
        name: "Ada",
        email,
        password: testPassword,
        ...(text === undefined ? {} : { invitation: text }),
      });
    expect((await signUpWith("ada@example.com", undefined)).status).toBe(403);
    expect((await signUpWith("ada@example.com", "x".repeat(32))).status).toBe(403);
    expect((await signUpWith("eve@example.com", invitation)).status).toBe(403);
    expect((await signUpWith("ada@example.com", invitation)).status).toBe(200);
    expect((await signUpWith("ada@example.com", invitation)).status).toBe(403);
    const rows = await asking.database.database.sql`select email, plan from app_user`;
    expect([...rows]).toEqual([{ email: "ada@example.com", plan: "pro" }]);
    expect(JSON.stringify(await asking.database.database.sql`select * from app_verification`)).not.toContain(
      invitation,
    );
  } finally {
    await asking.close();
  }
});

test("Google is offered where it is configured, with our own address to come back to", async () => {
  const env = { GOOGLE_CLIENT_ID: "client.apps.googleusercontent.com", GOOGLE_CLIENT_SECRET: "a-secret-of-google" };
  const withGoogle = await openUsersGateway("", env);
  try {
    const browser = makeBrowser(withGoogle.url);
    const social = { provider: "google", callbackURL: "/" };
    expect((await browser.send("GET", "/api/auth/options")).body).toMatchObject({ sign_up: "open", google: true });
    const answer = await browser.send("POST", "/api/auth/sign-in/social", social);
    expect(answer.status).toBe(200);
    const url = new URL(String(answer.body.url));
    expect(url.host).toBe("accounts.google.com");
    expect(url.searchParams.get("redirect_uri")).toBe(`${withGoogle.url}/api/auth/callback/google`);
    expect(url.searchParams.get("state")).toMatch(/^\S{20,}$/);
    const elsewhere = { ...social, callbackURL: "https://evil.example" };
    expect((await makeBrowser(withGoogle.url).send("POST", "/api/auth/sign-in/social", elsewhere)).status).toBe(403);
    expect((await browser.send("GET", "/api/auth/callback/google?code=x&state=forged")).text).not.toContain("token");
  } finally {
    await withGoogle.close();
  }
  expect((await makeBrowser(gateway.url).send("GET", "/api/auth/options")).body).toMatchObject({
    sign_up: "open",
    google: false,
    password_reset: false,
  });
});

test("signing in again makes a new session, and no key", async () => {
  const first = await signUp(gateway.url);
  const second = await signIn(gateway.url, first.email);
  expect(second.cookie).not.toBe(first.cookie);
  const keys = await gateway.database.database.sql`select 1 from api_key where owner_id = ${first.id}`;
  expect(keys.length).toBe(0);
});

test("neither a password nor a session is in the log, nor in the database as it was sent", async () => {
  const browser = await signUp(gateway.url);
  const value = decodeURIComponent(browser.cookie.slice(browser.cookie.indexOf("=") + 1));
  const [token = "", signature = ""] = value.split(".");
  await browser.send("POST", "/api/auth/change-password", {
    currentPassword: "wrong horse",
    newPassword: testPassword,
  });
  await browser.send("GET", "/admin/session");
  expect(gateway.output()).toContain("Tollgate is ready");
  for (const secret of [testPassword, "wrong horse", token, signature]) expect(gateway.output()).not.toContain(secret);
  const { sql } = gateway.database.database;
  const stored = JSON.stringify([await sql`select * from app_account`, await sql`select * from audit_entry`]);
  expect(stored).toContain(browser.id);
  for (const secret of [testPassword, token, signature]) expect(stored).not.toContain(secret);
  expect(JSON.stringify(await sql`select * from app_session`)).not.toContain(signature);
});

test("without PostgreSQL nobody signs in, and the answer says that it is our fault", async () => {
  const faulty = await openUsersGateway();
  try {
    const { email, cookie } = await signUp(faulty.url);
    await faulty.tap.close();
    const browser = makeBrowser(faulty.url);
    const answer = await browser.send("POST", "/api/auth/sign-in/email", { email, password: testPassword });
    expect([answer.status, answer.text]).toEqual([503, expect.stringContaining("store_unavailable")]);
    const session = await browser.send("GET", "/admin/session", undefined, { cookie });
    expect([session.status, session.text]).toEqual([503, expect.stringContaining("store_unavailable")]);
  } finally {
    await faulty.close();
  }
});
