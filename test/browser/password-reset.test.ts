import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findAxeFindings } from "../support/axe-findings.ts";
import { type Dashboard, isBrowserMissing, openDashboard, signUpOnPage } from "../support/dashboard.ts";
import { type MailServer, openMailServer } from "../support/mail-server.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { testPassword } from "../support/users-harness.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

const newPassword = "another correct horse";

describe.skipIf(isBrowserMissing)("a forgotten password", () => {
  let dashboard: Dashboard;
  let mail: MailServer;
  beforeAll(async () => {
    mail = await openMailServer();
    dashboard = await openDashboard("", { SMTP_URL: mail.url, SMTP_FROM: "Tollgate <tollgate@example.com>" });
  });
  afterAll(async () => {
    await dashboard.close();
    await mail.close();
  });

  it("a link by e-mail sets a new one: the old one and all sessions end, and the link works once", async () => {
    const signedIn = await dashboard.openPage();
    const email = await signUpOnPage(signedIn.page);
    const { page, complaints, takeScreenshot } = await dashboard.openPage();
    await page.goto("/sign-in");
    await page.getByRole("link", { name: /forgot/i }).click();
    await page.waitForURL("**/forgot-password");
    await page.getByLabel("E-mail").fill(email);
    await page.getByRole("button", { name: "Send the link" }).click();
    await page.getByText("Look into your mailbox").waitFor();
    await takeScreenshot("forgot-password");
    expect(await findAxeFindings(page)).toEqual([]);
    await expect.poll(() => mail.mails.length, { timeout: 20_000 }).toBe(1);
    const [sent] = mail.mails;
    expect(sent?.to).toEqual([email]);
    const text = (sent?.raw ?? "").replace(/=\r?\n/g, "").replace(/=3D/g, "=");
    const link = /http:\S+\/reset-password\?token=[\w-]+/.exec(text)?.[0] ?? "";
    expect(link.startsWith(dashboard.gateway.url)).toBe(true);

    await page.goto(link);
    await page.getByLabel("New password").fill("short");
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("New password").fill(newPassword);
    await takeScreenshot("reset-password");
    expect(await findAxeFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByText("The password is changed").waitFor();

    // Whoever was signed in is sent to the sign-in page.
    await signedIn.page.goto("/api-keys");
    await signedIn.page.waitForURL("**/sign-in**");
    expect((await signedIn.page.request.get("/admin/session")).status()).toBe(401);

    await page.getByRole("link", { name: "Sign in" }).first().click();
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill(testPassword);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("E-mail and password do not belong together").waitFor();
    await page.getByLabel("Password").fill(newPassword);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL("**/api-keys");

    await page.goto(link);
    await page.getByLabel("New password").fill(testPassword);
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByText("The password was not changed").waitFor();
    expect(complaints).toEqual([]);
  });

  it("nobody is told whether there is an account", async () => {
    const { page } = await dashboard.openPage();
    const before = mail.mails.length;
    await page.goto("/forgot-password");
    await page.getByLabel("E-mail").fill("nobody@example.com");
    await page.getByRole("button", { name: "Send the link" }).click();
    await page.getByText("Look into your mailbox").waitFor();
    expect(mail.mails).toHaveLength(before);
    await page.goto("/reset-password");
    await page.getByText("This link does not work any more").waitFor();
  });
});
