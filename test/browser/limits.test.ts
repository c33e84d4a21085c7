import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type Dashboard,
  type DashboardPage,
  isBrowserMissing,
  openAdminPage,
  openDashboard,
} from "../support/dashboard.ts";
import { lookAtPage, lookInTheDark } from "../support/look-at-page.ts";
import { recordSkip } from "../support/skip-ledger.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

const config = `
[[rate_limiting.rules]]
always = true
requests_per_minute = 900
scope = [{ model = "openai::*" }]
[[budgets]]
limit_usd = 1_000
period = "month"
timezone = "Europe/Berlin"
`;

describe.skipIf(isBrowserMissing)("limits", () => {
  let dashboard: Dashboard;
  let signedIn: DashboardPage;
  let page: Page;
  let keys: { text: string; publicId: string }[];
  beforeAll(async () => {
    dashboard = await openDashboard(config);
    const aliases = Array.from({ length: 12 }, (_, index) => `acme-${index}`);
    keys = await Promise.all(aliases.map((alias) => dashboard.gateway.makeKey({ alias, tags: { customer: "acme" } })));
    await dashboard.gateway.makeKey({ alias: "beta", tags: { customer: "beta" } });
  });
  beforeEach(async () => {
    signedIn = await openAdminPage(dashboard);
    page = signedIn.page;
  });
  afterAll(() => dashboard.close());

  const openRow = (text: string): Locator => page.getByRole("row").filter({ hasText: text });
  const choose = async (text: string, entry: string): Promise<void> => {
    await openRow(text)
      .getByRole("button", { name: /^Actions of/ })
      .click();
    await page.getByRole("menuitem", { name: entry }).click();
  };
  const findStatus = async (): Promise<number> => {
    const answer = await dashboard.gateway.call("POST", "/v1/chat/completions", keys[0]?.text ?? "", {
      model: "echo::x",
      messages: [{ role: "user", content: "hello" }],
    });
    await answer.text();
    return answer.status;
  };

  it("rate rules: added with the keys that they touch told before, changed, deleted; the file's are only read", async () => {
    await page.goto("/manage/limits");
    const ofFile = openRow("900 requests per minute");
    await ofFile.getByText("read-only").waitFor();
    await ofFile.getByText("config file").waitFor();
    expect(await ofFile.getByRole("button").count()).toBe(0);

    await page.getByRole("button", { name: "Add rule" }).click();
    const dialog = page.getByRole("dialog", { name: "Add a rate rule" });
    const preview = dialog.getByRole("region", { name: "Preview" });
    await preview.getByText("Once the fields are filled in").waitFor();
    await dialog.getByLabel("At most").fill("many");
    await dialog.getByRole("button", { name: "Add rule" }).click();
    await dialog.getByText(/a whole number, 0 or more/).waitFor();
    await dialog.getByLabel("At most").fill("1");
    await preview.getByText(/^Touches \d+ keys$/).waitFor();

    await dialog.getByLabel("Calls by").selectOption("tag_key");
    await dialog.getByLabel("Counted").selectOption("value");
    await dialog.getByRole("textbox", { name: "Tag" }).fill("customer");
    await dialog.getByLabel("Value").fill("acme");
    await preview.getByText("Touches 12 keys").waitFor();
    expect(await preview.getByRole("link", { name: /^acme-/ }).count()).toBe(10);
    await preview.getByText("and 2 more").waitFor();
    expect(await preview.getByRole("link", { name: "See the keys" }).getAttribute("href")).toContain(
      "tag=customer%3Dacme",
    );
    await dialog.getByRole("button", { name: "Add a limit" }).click();
    await dialog.getByLabel("At most").nth(1).fill("5");
    await dialog.getByLabel("Of what").nth(1).selectOption("cost");
    await dialog.getByLabel("Kind").nth(1).selectOption("bucket");
    await dialog.getByLabel("Comes back").fill("0.5");
    await dialog.getByText("By priority").click();
    await dialog.getByLabel("Priority", { exact: true }).fill("3");
    await lookAtPage(signedIn, "limits-rule");
    await dialog.getByRole("button", { name: "Add rule" }).click();
    await dialog.waitFor({ state: "detached" });
    await openRow("1 requests per minute; $5.00 at once, $0.50 back per minute").getByText("3").waitFor();
    await openRow("for tag customer=acme").getByText("admins").waitFor();
    await expect.poll(findStatus, { timeout: 20_000 }).toBe(429);

    await page.getByRole("button", { name: "Add rule" }).click();
    await dialog.getByLabel("At most").fill("7");
    await dialog.getByText("By priority").click();
    await preview.getByText(/^Yields to 1 requests per minute.* for tag customer=acme \(12 keys\)$/).waitFor();
    await dialog.getByLabel("Priority", { exact: true }).fill("9");
    await preview.getByText(/^Takes over from 1 requests per minute.*\(12 keys\)$/).waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();

    await choose("for tag customer=acme", "Edit");
    const edit = page.getByRole("dialog", { name: "Edit a rate rule" });
    await edit.getByRole("button", { name: "Remove the limit of USD" }).click();
    await edit.getByLabel("At most").fill("2000");
    await preview.waitFor({ state: "detached" });
    await edit.getByText("Touches 12 keys").waitFor();
    await edit.getByRole("button", { name: "Save" }).click();
    await openRow("2,000 requests per minute").getByText("for tag customer=acme").waitFor();
    await expect.poll(findStatus, { timeout: 20_000 }).toBe(200);

    await choose("for tag customer=acme", "Delete");
    const remove = page.getByRole("dialog", { name: "Delete the rule" });
    await remove.getByText("2,000 requests per minute for tag customer=acme").waitFor();
    await remove.getByRole("button", { name: "Delete rule" }).click();
    await openRow("for tag customer=acme").waitFor({ state: "detached" });
    expect(signedIn.complaints).toEqual([]);
  });

  it("budgets for more than one key: added, changed to the whole deployment, deleted", async () => {
    await page.goto("/manage/limits");
    await openRow("$1,000.00 each month, Europe/Berlin").getByText("read-only").waitFor();
    await page.getByRole("button", { name: "Add budget" }).click();
    const dialog = page.getByRole("dialog", { name: "Add a budget" });
    await dialog.getByLabel("USD").fill("-1");
    await dialog.getByLabel("Timezone").fill("Mars/Olympus");
    await dialog.getByLabel("Calls by").selectOption("tag_key");
    await dialog.getByRole("textbox", { name: "Tag" }).fill("customer");
    await dialog.getByRole("button", { name: "Add budget" }).click();
    await dialog.getByRole("alert").nth(1).waitFor();
    expect(await dialog.getByRole("alert").count()).toBe(2);
    await dialog.getByLabel("USD").fill("25");
    await dialog.getByLabel("Timezone").fill("Asia/Kathmandu");
    await dialog.getByText("Touches 13 keys").waitFor();
    await lookAtPage(signedIn, "limits-budget");
    await dialog.getByRole("button", { name: "Add budget" }).click();
    await openRow("$25.00 each month, Asia/Kathmandu").getByText("for each tag customer").waitFor();

    await choose("Asia/Kathmandu", "Edit");
    const edit = page.getByRole("dialog", { name: "Edit a budget" });
    await edit.getByLabel("Each").selectOption("days");
    await edit.getByLabel("Days").fill("30");
    await edit.getByText("The whole deployment").click();
    await edit.getByRole("button", { name: "Save" }).click();
    await openRow("$25.00 every 30 days").getByText("for the whole deployment").waitFor();
    const stored = await dashboard.gateway.database.database.sql`select body from limit_rule where kind = 'budget'`;
    expect(stored.map(({ body }) => body)).toEqual([{ limit_usd: "25", period: "30d" }]);
    await lookAtPage(signedIn, "limits");
    await lookInTheDark(dashboard, {
      limits: async (dark) => {
        await dark.goto("/manage/limits");
        await dark.getByText("$25.00 every 30 days").waitFor();
        await dark.getByRole("button", { name: "Add rule" }).click();
        await dark.getByLabel("At most").fill("60");
        await dark.getByText(/^Touches \d+ keys$/).waitFor();
      },
    });

    await choose("$25.00 every 30 days", "Delete");
    await page.getByRole("button", { name: "Delete budget" }).click();
    await openRow("$25.00 every 30 days").waitFor({ state: "detached" });
    expect(signedIn.complaints).toEqual([]);
  });

  it("a budget in its period: the meter counts what was added, and a reset asks", async () => {
    const id = keys[0]?.publicId ?? "";
    const { sql } = dashboard.gateway.database.database;
    await sql`
      insert into budget_window (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd,
        settled_nano_usd, terms_version)
      values (${`key/${id}/week/0`}, 'key', ${id}, 'week', 'UTC', now() - interval '1 day', now() + interval '6 days',
        4000000000, 2000000000, 1)`;
    await page.goto("/manage/limits");
    const row = openRow(id);
    const findShare = async () => await row.getByRole("meter").getAttribute("aria-valuenow");
    await row.waitFor();
    expect(await findShare()).toBe("50");
    await row.getByRole("button", { name: "Top up" }).click();
    await page.getByLabel("Amount in USD").fill("1");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await row.getByText("of $4.00 + $1.00").waitFor();
    expect(await findShare()).toBe("40");

    await row.getByRole("button", { name: "Reset" }).click();
    const dialog = page.getByRole("dialog", { name: "Reset the budget" });
    await dialog.getByText("$4.00 can be spent anew").waitFor();
    await lookAtPage(signedIn, "limits-reset");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    expect(await findShare()).toBe("40");
    await row.getByRole("button", { name: "Reset" }).click();
    await dialog.getByRole("button", { name: "Reset budget" }).click();
    await row.getByText("of $4.00 + $2.00").waitFor();
    expect(await findShare()).toBe("33");
    await row.getByRole("button", { name: "Reset" }).click();
    await dialog.getByText("There is nothing to reset").waitFor();
    expect(await dialog.getByRole("button", { name: "Reset budget" }).isDisabled()).toBe(true);
    expect(signedIn.complaints).toEqual([]);
  });
});
