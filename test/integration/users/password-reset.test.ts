import { afterAll, beforeAll, expect, test } from "vitest";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { type MailServer, openMailServer } from "../../support/mail-server.ts";
import { makeBrowser, openUsersGateway, signUp, testPassword } from "../../support/users-harness.ts";
import { waitUntil } from "../../support/wait-until.ts";

const newPassword = "another correct horse";
let mail: MailServer;
let gateway: GatewayProcess;
beforeAll(async () => {
  mail = await openMailServer();
  gateway = await openUsersGateway("", { SMTP_URL: mail.url, SMTP_FROM: "Tollgate <tollgate@example.com>" });
});
afterAll(async () => {
  await gateway.close();
  await mail.close();
});

/** Asks for a link and reads the mail. */
async function findToken(email: string, headers: Record<string, string> = {}): Promise<string> {
  const before = mail.mails.length;
  const answer = await fetch(`${gateway.url}/api/auth/request-password-reset`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ email, redirectTo: "https://evil.example.com/" }),
  });
  expect(answer.status).toBe(200);
  await waitUntil(() => mail.mails.length > before, "the mail", 30_000);
  const { raw = "", to } = mail.mails.at(-1) ?? {};
  expect(to).toEqual([email]);
  expect(raw).not.toContain("evil.example.com");
  const text = raw.replace(/=\r?\n/g, "").replace(/=3D/g, "=");
  const link = /http:\S+\/reset-password\?token=([\w-]+)/.exec(text);
  expect(link?.[0].startsWith(`${gateway.url}/reset-password?token=`)).toBe(true);
  return link?.[1] ?? "";
}

async function reset(token: string, password = newPassword) {
  return await makeBrowser(gateway.url).send("POST", "/api/auth/reset-password", { token, newPassword: password });
}

test("a link in a mail sets a new password once, and ends every session", async () => {
  const member = await signUp(gateway.url);
  const token = await findToken(member.email);
  // The table holds no link that works.
  const [stored] = await gateway.database.database.sql<{ text: string }[]>`
    select string_agg(v::text, ' ') as text from app_verification v`;
  expect(stored?.text.length).toBeGreaterThan(10);
  expect(stored?.text).not.toContain(token);
  expect(gateway.output()).not.toContain(token);

  expect((await member.send("GET", "/admin/session")).status).toBe(200);
  expect((await reset(token)).status).toBe(200);
  expect((await member.send("GET", "/admin/session")).status).toBe(401);
  const signIn = (password: string) =>
    makeBrowser(gateway.url).send("POST", "/api/auth/sign-in/email", { email: member.email, password });
  expect((await signIn(testPassword)).status).toBe(401);
  expect((await signIn(newPassword)).status).toBe(200);

  const again = await reset(token, "yet another horse");
  expect([again.status, again.body.code]).toEqual([400, "INVALID_TOKEN"]);
  const audit = await gateway.call("GET", "/admin/audit?action=users.resetPassword", gateway.adminKey);
  const { entries } = (await audit.json()) as { entries: Record<string, unknown>[] };
  expect(entries).toMatchObject([{ actor: `user:${member.id}`, object_id: member.id, ip: "127.0.0.1" }]);
  expect(JSON.stringify(entries)).not.toContain(newPassword);
});

test("a link leads here, whatever host a request names, and ends by itself", async () => {
  const member = await signUp(gateway.url);
  const token = await findToken(member.email, { "x-forwarded-host": "evil.example.com" });
  await gateway.database.database.sql`update app_verification set expires_at = now() - interval '1 second'`;
  expect((await reset(token)).status).toBe(400);
  expect((await reset("x".repeat(24))).status).toBe(400);
  expect((await reset(await findToken(member.email), "short")).status).toBe(400);
});

test("who is not known is answered the same, and gets no mail", async () => {
  const member = await signUp(gateway.url);
  const ask = (email: string) => makeBrowser(gateway.url).send("POST", "/api/auth/request-password-reset", { email });
  const known = await ask(member.email);
  await waitUntil(() => mail.mails.at(-1)?.to[0] === member.email, "the mail", 30_000);
  const before = mail.mails.length;
  const unknown = await ask("nobody@example.com");
  expect([unknown.status, unknown.text]).toEqual([known.status, known.text]);
  await findToken(member.email);
  expect(mail.mails.slice(before).map(({ to }) => to[0])).toEqual([member.email]);
});

test("a page of somebody else asks for nothing", async () => {
  const answer = await makeBrowser(gateway.url, "https://evil.example.com").send(
    "POST",
    "/api/auth/request-password-reset",
    { email: "a@example.com" },
  );
  expect(answer.status).toBe(403);
});

test("without a mail server it is said that there is none", async () => {
  const plain = await openUsersGateway();
  try {
    const browser = makeBrowser(plain.url);
    for (const [path, body] of [
      ["/api/auth/request-password-reset", { email: "a@example.com" }],
      ["/api/auth/reset-password", { token: "x", newPassword }],
    ] as const) {
      const answer = await browser.send("POST", path, body);
      expect([answer.status, answer.text]).toEqual([404, expect.stringContaining("sends no mail")]);
    }
    expect((await browser.send("GET", "/api/auth/options")).body).toMatchObject({ password_reset: false });
  } finally {
    await plain.close();
  }
});
