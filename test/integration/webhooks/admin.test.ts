import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { openTrapListener, type TrapListener } from "../../support/trap-listener.ts";
import { listInnerUrls } from "../../support/url-spellings.ts";

let admin: AdminHarness;
let trap: TrapListener;
let key: string;
beforeAll(async () => {
  admin = await openAdminHarness();
  trap = await openTrapListener("::");
  key = (await admin.makeKey({ permissions: ["admin:keys"] })).text;
});
afterAll(async () => {
  await trap.close();
  await admin.close();
});

const url = "https://93.184.215.14/hook?token=t0k3n-canary";

describe("a webhook", () => {
  test("tells its secret once, and is stored sealed", async () => {
    const made = await admin.send("POST", "/admin/webhooks", key, { kind: "standard", name: "Ops", url });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      kind: "standard",
      name: "Ops",
      target: "https://93.184.215.14/hook?…",
      enabled: true,
    });
    const { id, secret } = made.body as { id: string; secret: string };
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const shown = await admin.send("GET", `/admin/webhooks/${id}`, key);
    const listed = await admin.send("GET", "/admin/webhooks", key);
    for (const { text } of [shown, listed]) {
      expect(text).toContain(id);
      expect(text).not.toContain(secret);
      expect(text).not.toContain("t0k3n-canary");
    }
    const [row] = await admin.test.database.sql<{ text: string }[]>`
      select encode(target_sealed, 'escape') || encode(secret_sealed, 'escape') || w::text as text from webhook w where id = ${id}`;
    expect(row?.text).not.toContain("canary");
    expect(row?.text).not.toContain(Buffer.from(secret.slice(6), "base64").toString("latin1"));
  });

  test("of Slack shows its host alone, and has no secret", async () => {
    const slack = "https://93.184.215.14/services/T000/B000/canary-token";
    const made = await admin.send("POST", "/admin/webhooks", key, { kind: "slack", name: "Team", url: slack });
    expect(made.body).toMatchObject({ target: "https://93.184.215.14/…", secret: null });
    const rotated = await admin.send("POST", `/admin/webhooks/${String(made.body.id)}/rotate-secret`, key);
    expect([rotated.status, rotated.body.error]).toEqual([409, expect.objectContaining({ code: "conflict" })]);
    const audit = await admin.send("GET", "/admin/audit?action=webhooks.create", key);
    expect(audit.text).not.toContain("canary");
  });

  test("is changed, rotated and deleted", async () => {
    const made = await admin.send("POST", "/admin/webhooks", key, { kind: "standard", name: "Old", url });
    const path = `/admin/webhooks/${String(made.body.id)}`;
    const changed = await admin.send("PATCH", path, key, { name: "New", enabled: false, url: "https://1.1.1.1/x" });
    expect(changed.body).toMatchObject({ name: "New", enabled: false, target: "https://1.1.1.1/x" });
    const rotated = await admin.send("POST", `${path}/rotate-secret`, key);
    expect(rotated.status).toBe(201);
    expect(rotated.body.secret).not.toBe(made.body.secret);
    expect(rotated.body.previous_secret_ends_at).toEqual(expect.any(String));
    expect((await admin.send("POST", `${path}/test`, key)).status).toBe(409);
    expect((await admin.send("DELETE", path, key)).status).toBe(204);
    expect((await admin.send("GET", path, key)).status).toBe(404);
  });

  test.each([
    [{ kind: "standard", name: "x" }, "url"],
    [{ kind: "email", name: "x" }, "to"],
    [{ kind: "slack", name: "x", url, to: ["a@example.com"] }, "to"],
    [{ kind: "email", name: "x", url, to: ["a@example.com"] }, "url"],
    [{ kind: "email", name: "x", to: ["nobody"] }, "to[0]"],
    [{ kind: "pager", name: "x", url }, "kind"],
    [{ kind: "standard", name: "two\nlines", url }, "name"],
  ])("is refused as %j", async (body, field) => {
    const answer = await admin.send("POST", "/admin/webhooks", key, body);
    expect(answer.status).toBe(422);
    expect(answer.text.replace(/\.(\d)/, "[$1]")).toContain(`"path":"${field}`);
  });

  test("of e-mail says what is missing where there is no mail server", async () => {
    const body = { kind: "email", name: "Mail", to: ["ops@example.com"] };
    const answer = await admin.send("POST", "/admin/webhooks", key, body);
    expect([answer.status, answer.text]).toEqual([422, expect.stringContaining("set SMTP_URL and SMTP_FROM")]);
  });

  test("leads nowhere inward, in whatever way its URL is written, and nothing is connected to", async () => {
    const urls = listInnerUrls(trap.port);
    expect(urls.length).toBeGreaterThanOrEqual(400);
    const { id } = await admin.system.webhooks.create({ kind: "standard", name: "Moves", url });
    // Names are asked of the real resolver, which may take its time: a few of them are enough here.
    const isName = (text: string): boolean =>
      /\/\/[a-z0-9.-]*[a-z-]{3}[a-z0-9.-]*\.?[:/]/.test(text) && !text.includes("//localhost");
    for (const each of urls.filter((text) => !isName(text))) {
      const body = { kind: "standard", name: "Inward", url: each };
      const made = await admin.send("POST", "/admin/webhooks", key, body);
      expect([each, made.status]).toEqual([each, 422]);
    }
    for (const each of [
      `http://127.0.0.1:${trap.port}/`,
      `https://localhost:${trap.port}/`,
      `https://[::ffff:7f00:1]:${trap.port}/`,
    ]) {
      expect((await admin.send("PATCH", `/admin/webhooks/${id}`, key, { url: each })).status).toBe(422);
    }
    expect(trap.connectionCount).toBe(0);
  });
});
