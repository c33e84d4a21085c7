import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import { mergeUsageParts } from "../../db/queries/merge-usage-parts.ts";
import { handleRerateUsage } from "../../workers/jobs/rerate-usage.ts";
import {
  type Dashboard,
  type DashboardPage,
  isBrowserMissing,
  openAdminPage,
  openDashboard,
  signUpOnPage,
} from "../support/dashboard.ts";
import { lookAtPage, lookInTheDark } from "../support/look-at-page.ts";
import { makeUsageEvent } from "../support/make-usage-event.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { makeJobTools, openWorkerHarness, type WorkerHarness } from "../support/worker-harness.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

const makeModel = (name: string) => `
[models.${name}]
routing = ["e"]
[models.${name}.providers.e]
type = "echo"
`;
const config = `${makeModel("plain")}
[models.bare]
routing = ["v"]
[models.bare.providers.v]
type = "vllm"
api_base = "http://127.0.0.1:9/v1"
`;

describe.skipIf(isBrowserMissing)("prices, settings, and filters in the address", () => {
  let dashboard: Dashboard;
  let worker: WorkerHarness;
  let signedIn: DashboardPage;
  let page: Page;
  beforeAll(async () => {
    dashboard = await openDashboard(config);
    // No jobs of its own: the test says when each runs.
    worker = openWorkerHarness({ databaseUrl: dashboard.gateway.database.url, redisUrl: null }, []);
    const calls = [1, 2, 3].map((minutes) =>
      makeUsageEvent(Date.now() - minutes * 60_000, {
        model: "bare",
        provider: "v",
        costNanoUsd: null,
        priceId: "",
        inputTokens: 1_000,
        outputTokens: 2_000,
      }),
    );
    const { sql } = dashboard.gateway.database.database;
    await insertUsageEvents(sql, "prices", calls);
    // Only what is in the hours is re-rated.
    await mergeUsageParts(sql, 1_000);
  });
  beforeEach(async () => {
    signedIn = await openAdminPage(dashboard);
    page = signedIn.page;
  });
  afterAll(async () => {
    await worker.stop();
    await dashboard.close();
  });

  const openTable = (name: RegExp): Locator => page.getByRole("region", { name });
  const models = (): Locator => openTable(/^Prices of models/);
  const periods = (): Locator => openTable(/^Prices that were set here, USD/);

  it("what was called without a price gets one, and its calls are re-rated after a look at what would change", async () => {
    await page.goto("/manage/prices");
    await models().getByRole("row").filter({ hasText: "bare" }).getByText("unpriced").waitFor();
    await models().getByRole("row").filter({ hasText: "plain" }).getByText("$1.00").waitFor();
    await page.getByText(/3 calls, the last/).waitFor();
    await lookAtPage(signedIn, "prices-unpriced");
    await page.getByRole("button", { name: "Set a price of bare" }).click();
    const dialog = page.getByRole("dialog", { name: "Set the price of bare" });
    await dialog.getByLabel("Input", { exact: true }).fill("ten");
    await dialog.getByRole("button", { name: "Set price" }).click();
    await dialog.getByRole("alert").nth(1).waitFor();
    await dialog.getByLabel("Input", { exact: true }).fill("10");
    await dialog.getByLabel("Output", { exact: true }).fill("20.5");
    await lookAtPage(signedIn, "prices-set");
    await dialog.getByRole("button", { name: "Set price" }).click();
    await models().getByRole("row").filter({ hasText: "bare" }).getByText("set here").waitFor();
    await periods().getByRole("row").filter({ hasText: "$20.50" }).getByText("holds").waitFor();

    await page.getByRole("button", { name: "Re-rate them" }).click();
    const rerate = page.getByRole("dialog", { name: "Re-rate calls" });
    expect(await rerate.getByLabel("Models").inputValue()).toBe("bare");
    await rerate.getByRole("button", { name: "Show what would change" }).click();
    // 3 calls of 1,000 tokens in and 2,000 out: 0.01 + 0.041 USD each.
    await rerate.getByText("3 calls would cost $0.15 more").waitFor();
    await lookAtPage(signedIn, "prices-rerate");
    // Another question needs another look.
    await rerate.getByLabel("Models").fill("none-of-them");
    await rerate.getByRole("button", { name: "Show what would change" }).click();
    await rerate.getByText("Nothing would change").waitFor();
    expect(await rerate.getByRole("button", { name: "Re-rate 0 calls" }).isDisabled()).toBe(true);
    await rerate.getByLabel("Models").fill("bare");
    await rerate.getByRole("button", { name: "Show what would change" }).click();
    await rerate.getByRole("button", { name: "Re-rate 3 calls" }).click();
    const run = openTable(/^Re-ratings/)
      .getByRole("row")
      .filter({ hasText: "bare" });
    await run.getByText("running").waitFor();
    await handleRerateUsage(makeJobTools(worker));
    await run.getByText("finished").waitFor();
    await run.getByText("$0.15").waitFor();
    expect(signedIn.complaints).toEqual([]);
  });

  it("search and filters stand in the address; the catalogue's price is where another one starts from", async () => {
    await page.goto("/manage/prices?q=plai");
    await models().getByText("plain", { exact: true }).waitFor();
    expect(await models().getByText("bare", { exact: true }).count()).toBe(0);
    await page.getByLabel("Search models").fill("");
    await models().getByText("bare", { exact: true }).waitFor();
    expect(new URL(page.url()).search).toBe("");

    await page.getByLabel("Search the catalogue").fill("openai:: gpt-4.1-mini");
    const found = openTable(/^Catalogue/)
      .getByRole("row")
      .filter({ hasText: "openai::gpt-4.1-mini" });
    await found.first().waitFor();
    expect(page.url()).toContain("catalogue=");
    await page.reload();
    expect(await page.getByLabel("Search the catalogue").inputValue()).toBe("openai:: gpt-4.1-mini");
    await found
      .first()
      .getByRole("button", { name: /^Set another/ })
      .click();
    const dialog = page.getByRole("dialog", { name: /^Set the price of openai::gpt-4.1-mini/ });
    const listed = Number(await dialog.getByLabel("Output", { exact: true }).inputValue());
    expect(listed).toBeGreaterThan(0);
    await dialog.getByLabel("Output", { exact: true }).fill(String(listed * 2));
    await dialog.getByRole("button", { name: "Set price" }).click();
    await periods().getByText("openai::gpt-4.1-mini").waitFor();

    await page.getByText("Set here", { exact: true }).click();
    await models().getByText("openai::gpt-4.1-mini").waitFor();
    expect(page.url()).toContain("show=stored");
    await page.getByRole("button", { name: "Actions of openai::gpt-4.1-mini" }).click();
    await page.getByRole("menuitem", { name: "End the price" }).click();
    await page.getByText("it costs what the catalogue says").waitFor();
    await page.getByRole("button", { name: "End price" }).click();
    await models().getByText("openai::gpt-4.1-mini").waitFor({ state: "detached" });
    const ended = periods().getByRole("row").filter({ hasText: "openai::gpt-4.1-mini" });
    await ended.waitFor();
    await ended.getByText("holds").waitFor({ state: "detached" });
    await page.goto("/manage/prices");
    await models().getByText("plain", { exact: true }).waitFor();
    await lookAtPage(signedIn, "prices");
    await lookInTheDark(dashboard, {
      prices: async (dark) => {
        await dark.goto("/manage/prices");
        await dark.getByText("plain", { exact: true }).waitFor();
      },
      settings: async (dark) => {
        await dark.goto("/manage/settings");
        await dark.getByText("TOLLGATE_CONFIG", { exact: true }).waitFor();
      },
    });
    expect(signedIn.complaints).toEqual([]);
  });

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
    await row("plain").getByText("none needed").waitFor();
    await lookAtPage(signedIn, "settings");

    writeFileSync(file, `${config}${makeModel("second")}[keys]\nexpiry_days_default = 7\n`);
    const reload = page.getByRole("button", { name: "Reload the file" });
    await reload.click();
    await page.getByRole("dialog").getByRole("button", { name: "Reload" }).click();
    const done = page.getByRole("dialog", { name: "The file was read anew" });
    await done.getByText("models", { exact: true }).waitFor();
    await done.locator("dd", { hasText: "keys" }).waitFor();
    await done.getByRole("button", { name: "Done" }).click();
    await row("second").waitFor();

    writeFileSync(file, `${config}[plans.free]\nkeys = "many"\n[modles]\n`);
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
