import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findAxeFindings } from "../support/axe-findings.ts";
import { type Dashboard, isBrowserMissing, openDashboard, signUpOnPage } from "../support/dashboard.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { testPassword } from "../support/users-harness.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

describe.skipIf(isBrowserMissing)("signing in", () => {
  let dashboard: Dashboard;
  beforeAll(async () => {
    dashboard = await openDashboard();
  });
  afterAll(() => dashboard.close());

  it("guides the first start to the first admin, by the key that was printed", async () => {
    const { page, complaints, takeScreenshot } = await dashboard.openPage();
    await page.goto("/");
    await page.waitForURL("**/first-start");
    await page.getByLabel("Admin key").fill(`${dashboard.gateway.adminKey.slice(0, -1)}!`);
    await page.getByLabel("Name").fill("Grace Hopper");
    await page.getByLabel("E-mail").fill("grace@example.com");
    await page.getByLabel("Password").fill(testPassword);
    await takeScreenshot("first-start");
    expect(await findAxeFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Make the admin and sign in" }).click();
    expect(await page.getByRole("alert").textContent()).toContain("The API key is not valid");

    await page.getByLabel("Admin key").fill(dashboard.gateway.adminKey);
    await page.getByRole("button", { name: "Make the admin and sign in" }).click();
    await page.waitForURL("**/quick-start");
    await page.getByRole("button", { name: "grace@example.com Admin" }).waitFor();
    await takeScreenshot("quick-start");
    expect(await findAxeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it("signs up, shows the plan and the sessions, signs out and in again at the page that was asked for", async () => {
    const { page, complaints, takeScreenshot } = await dashboard.openPage();
    const email = await signUpOnPage(page);
    await page.getByText("0 of 2 keys on the plan free.").waitFor();
    await takeScreenshot("keys-empty");
    expect(await findAxeFindings(page)).toEqual([]);

    await page.goto("/account");
    await page.getByText("this one").waitFor();
    await page.getByText("0 of 2", { exact: true }).waitFor();
    await takeScreenshot("account");
    expect(await findAxeFindings(page)).toEqual([]);

    await page.getByRole("main").getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL("**/sign-in");
    await page.goto("/quick-start");
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("E-mail and password do not belong together").waitFor();
    await takeScreenshot("sign-in");
    expect(await findAxeFindings(page)).toEqual([]);
    await page.getByLabel("Password").fill(testPassword);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL("**/quick-start");
    expect(complaints).toEqual([]);
  });
});
