import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type Dashboard,
  type DashboardPage,
  isBrowserMissing,
  openDashboard,
  signInAsAdmin,
  signUpOnPage,
} from "../support/dashboard.ts";
import { lookAtPage, lookInTheDark } from "../support/look-at-page.ts";
import { recordSkip } from "../support/skip-ledger.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

const makeModel = (name: string) => `
[models.${name}]
routing = ["e"]
[models.${name}.providers.e]
type = "echo"
`;

describe.skipIf(isBrowserMissing)("settings, and filters in the address", () => {
  let dashboard: Dashboard;
  let signedIn: DashboardPage;
  let page: Page;
  beforeAll(async () => {
    dashboard = await openDashboard(makeModel("first"));
  });
  beforeEach(async () => {
    signedIn = await dashboard.openPage();
    page = signedIn.page;
    await signInAsAdmin(dashboard, page);
  });
  afterAll(() => dashboard.close());

  it("shows what was read and from where, reads the file anew, and names what is wrong with it; no secret is told", async () => {
    const { dataDir, secrets, database } = dashboard.gateway;
    const file = join(dataDir, "tollgate.toml");
    await page.goto("/manage/settings");
    await page.getByText(file).waitFor();
    await page.getByText("TOLLGATE_CONFIG", { exact: true }).waitFor();
    const row = (text: string) => page.getByRole("row").filter({ hasText: text });
    await row("[models]").getByText("config file").waitFor();
    await row("[plans]").getByText("default").waitFor();
    await row("[keys]").getByText("once the process starts anew").waitFor();
    await page.getByText("set DATABASE_URL").waitFor();
    await row("first").getByText("none needed").waitFor();
    await lookAtPage(signedIn, "settings");
    await lookInTheDark(dashboard, signedIn, "settings", async (dark) => {
      await dark.goto("/manage/settings");
      await dark.getByText(file).waitFor();
    });

    writeFileSync(file, `${makeModel("first")}${makeModel("second")}[keys]\nexpiry_days_default = 7\n`);
    const reload = page.getByRole("button", { name: "Reload the file" });
    await reload.click();
    await page.getByRole("dialog").getByRole("button", { name: "Reload" }).click();
    const done = page.getByRole("dialog", { name: "The file was read anew" });
    await done.getByText("models", { exact: true }).waitFor();
    await done.locator("dd", { hasText: "keys" }).waitFor();
    await lookAtPage(signedIn, "settings-reloaded");
    await done.getByRole("button", { name: "Done" }).click();
    await row("second").waitFor();

    writeFileSync(file, `${makeModel("first")}[plans.free]\nkeys = "many"\n[modles]\n`);
    await reload.click();
    await page.getByRole("dialog").getByRole("button", { name: "Reload" }).click();
    await page.getByText("The file has mistakes; what was read before holds").waitFor();
    await page.getByText("plans.free.keys").waitFor();
    await page.getByText("modles").waitFor();
    await lookAtPage(signedIn, "settings-mistakes");
    await page.getByRole("button", { name: "Cancel" }).click();
    await row("second").waitFor();

    const told = signedIn.answers.map(({ text }) => text).join("\n");
    expect(told).toContain("DATABASE_URL");
    for (const secret of [...Object.values(secrets), database.url, dashboard.gateway.tap.url]) {
      expect(told).not.toContain(secret);
    }
    expect(signedIn.complaints).toEqual([]);
  });

  it("which users and which entries are shown stands in the address", async () => {
    const other = await dashboard.openPage();
    await signUpOnPage(other.page, "Second Person");
    await page.goto("/manage/users?q=second&role=member");
    const table = page.getByRole("region", { name: "Users" });
    await table.getByText("Second Person").waitFor();
    expect(await table.getByText("Grace Hopper").count()).toBe(0);
    expect(await page.getByLabel("Search users").inputValue()).toBe("second");
    await page.getByLabel("Role").selectOption("admin");
    await page.getByText("No user matches").waitFor();
    expect(new URL(page.url()).search).toBe("?q=second&role=admin");
    await page.getByLabel("Search users").fill("");
    await table.getByText("Grace Hopper").waitFor();
    expect(new URL(page.url()).search).toBe("?role=admin");
    await page.reload();
    await table.getByText("Grace Hopper").waitFor();
    expect(await table.getByText("Second Person").count()).toBe(0);
    // What the page does not know is left out.
    await page.goto("/manage/users?role=root");
    await table.getByText("Second Person").waitFor();

    await page.goto("/manage/audit?action=users.create");
    const log = page.getByRole("region", { name: "Audit entries" });
    await log.getByText("users.create").first().waitFor();
    expect(await log.getByText("config.reload").count()).toBe(0);
    await page.getByLabel("Action").fill("config.reload");
    await log.getByText("config.reload").first().waitFor();
    expect(new URL(page.url()).search).toBe("?action=config.reload");
    await page.getByLabel("Object").fill("user");
    await page.getByText("No entry matches").waitFor();
    await page.reload();
    await page.getByText("No entry matches").waitFor();
    expect(await page.getByLabel("Object").inputValue()).toBe("user");
    expect([...signedIn.complaints, ...other.complaints]).toEqual([]);
  });
});
