import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findAxeFindings } from "../support/axe-findings.ts";
import { type Dashboard, isBrowserMissing, openDashboard, signInAsAdmin, signUpOnPage } from "../support/dashboard.ts";
import { recordSkip } from "../support/skip-ledger.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

describe.skipIf(isBrowserMissing)("the pages of admins", () => {
  let dashboard: Dashboard;
  beforeAll(async () => {
    dashboard = await openDashboard();
  });
  afterAll(() => dashboard.close());

  it("invites with a link shown once, changes, disables and deletes users by the e-mail typed out", async () => {
    const { page, complaints } = await dashboard.openPage();
    await signUpOnPage(page, "Second Person");
    const other = await dashboard.openPage();
    await signInAsAdmin(dashboard, other.page);
    const admin = other.page;
    await admin.goto("/manage/users");
    await admin.getByText("Second Person").waitFor();
    await admin.getByRole("region", { name: "Plans of the config file" }).getByText("free").waitFor();
    await other.takeScreenshot("admin-users");
    expect(await findAxeFindings(admin)).toEqual([]);

    await admin.getByRole("button", { name: "Invite" }).click();
    await admin.getByLabel("E-mail").fill("nobody");
    await admin.getByRole("button", { name: "Make the link" }).click();
    await admin.getByText("must be an e-mail address").waitFor();
    await admin.getByLabel("E-mail").fill("invited@example.com");
    await admin.getByRole("button", { name: "Make the link" }).click();
    await admin.getByLabel("invitation link", { exact: true }).waitFor();
    await other.takeScreenshot("admin-invitation");
    expect(await findAxeFindings(admin)).toEqual([]);
    await admin.getByRole("button", { name: "I have sent it" }).click();

    const actions = admin.getByRole("button", { name: /Actions of member-/ });
    await actions.click();
    await admin.getByRole("menuitem", { name: "Disable" }).click();
    await admin.getByText("disabled", { exact: true }).waitFor();
    await actions.click();
    await admin.getByRole("menuitem", { name: "Delete" }).click();
    const remove = admin.getByRole("button", { name: "Delete user" });
    expect(await remove.isDisabled()).toBe(true);
    await admin
      .getByLabel(/to confirm/)
      .fill((await admin.getByRole("dialog").locator("label code").textContent()) ?? "");
    await remove.click();
    await admin.getByRole("cell", { name: "Second Person" }).waitFor({ state: "detached" });

    await admin.goto("/manage/audit");
    await admin.getByRole("button", { name: "Check the chain" }).click();
    await admin.getByText("The chain is whole").waitFor();
    await other.takeScreenshot("admin-audit");
    expect(await findAxeFindings(admin)).toEqual([]);
    await admin.getByRole("button", { name: "Show entry" }).first().click();
    await admin.getByRole("columnheader", { name: "Before" }).waitFor();
    await other.takeScreenshot("admin-audit-entry");
    expect(await findAxeFindings(admin)).toEqual([]);

    for (const name of ["limits", "providers"]) {
      await admin.goto(`/manage/${name}`);
      await admin.getByRole("heading", { level: 2 }).first().waitFor();
      await other.takeScreenshot(`admin-${name}`);
      expect(await findAxeFindings(admin)).toEqual([]);
    }

    await admin.goto("/manage/jobs");
    await admin.getByRole("heading", { name: "Jobs" }).waitFor();
    await other.takeScreenshot("admin-jobs");
    expect(await findAxeFindings(admin)).toEqual([]);
    expect([...complaints, ...other.complaints]).toEqual([]);
  });

  it("turns a member away from every page of admins", async () => {
    const { page, answers } = await dashboard.openPage();
    await signUpOnPage(page);
    for (const name of ["users", "limits", "prices", "providers", "alerts", "webhooks", "audit", "jobs", "settings"]) {
      await page.goto(`/manage/${name}`);
      await page.getByRole("heading", { name: "This page is for admins" }).waitFor();
    }
    const parts = "users|limits|rules|budgets|prices|config|providers|credentials|alerts|webhooks|audit|jobs";
    expect(answers.filter(({ url }) => new RegExp(`trpc/(${parts})\\.`).test(url))).toEqual([]);
    const refused = await page.request.get("/trpc/users.list?input=%7B%7D");
    expect(refused.status()).toBe(403);
  });
});
