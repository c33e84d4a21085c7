import OpenAI from "openai";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findAxeFindings } from "../support/axe-findings.ts";
import { type Dashboard, isBrowserMissing, openDashboard, signUpOnPage } from "../support/dashboard.ts";
import { recordSkip } from "../support/skip-ledger.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

/** Whose answer costs what the budget of the test is. */
const config = `
[models.dear]
routing = ["echo"]
[models.dear.providers.echo]
type = "echo"
[prices.dear]
input_usd_per_million = 0
output_usd_per_million = 100_000
`;

function openRow(page: Page, alias: string): Locator {
  return page.getByRole("row").filter({ has: page.getByRole("link", { name: alias, exact: true }) });
}

/** Everything that a page can leave in a browser, as one text. */
const browserMemory = `(async () => JSON.stringify([
  { ...localStorage }, { ...sessionStorage }, history.state, location.href, document.cookie,
  document.documentElement.outerHTML,
  await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url))),
  await indexedDB.databases(),
  performance.getEntries().map(({ name }) => name),
]))()`;

/** Makes a key in the dialog. @returns the plaintext that is shown */
async function createKey(page: Page, alias: string, fill?: (dialog: Locator) => Promise<void>): Promise<string> {
  await page.goto("/api-keys");
  await page.getByRole("button", { name: "Create key" }).click();
  const dialog = page.getByRole("dialog", { name: "Create API key" });
  await dialog.getByLabel("Alias").fill(alias);
  await fill?.(dialog);
  await dialog.getByRole("button", { name: "Create API key" }).click();
  const secret = page.locator("[data-secret]");
  await secret.waitFor();
  return (await secret.textContent()) ?? "";
}

/** Copies the key and leaves the dialog that shows it. */
async function copyAndClose(page: Page): Promise<string> {
  await page.getByRole("button", { name: "Copy the key" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  await page.locator("[data-secret]").waitFor({ state: "detached" });
  return await page.evaluate<string>("navigator.clipboard.readText()");
}

describe.skipIf(isBrowserMissing)("the life of a key", () => {
  let dashboard: Dashboard;
  beforeAll(async () => {
    dashboard = await openDashboard(config);
  });
  afterAll(() => dashboard.close());

  const openClient = (apiKey: string) => new OpenAI({ baseURL: `${dashboard.gateway.url}/v1`, apiKey, maxRetries: 0 });

  it("create, copy, call, see the use, run out of budget, rotate, revoke by alias, 401", async () => {
    const { page, complaints, takeScreenshot } = await dashboard.openPage();
    await signUpOnPage(page);
    const shown = await createKey(page, "my-laptop", async (dialog) => {
      await dialog.getByLabel("USD").fill("4.01");
      await takeScreenshot("create");
      expect(await findAxeFindings(page)).toEqual([]);
    });
    expect(shown).toMatch(/^dev_[0-9a-z]{12}_[0-9A-Za-z]{48}$/);
    await page.getByRole("button", { name: "Try it" }).click();
    await page.getByText("Hello from the dashboard!").waitFor();
    await takeScreenshot("reveal");
    expect(await findAxeFindings(page)).toEqual([]);
    expect(await copyAndClose(page)).toBe(shown);

    const publicId = shown.split("_")[1] ?? "";
    const ask = (apiKey: string, content: string) =>
      openClient(apiKey).chat.completions.create({
        model: "dear",
        max_completion_tokens: 10,
        messages: [{ role: "user", content }],
      });
    const ten = "one two three four five six seven eight nine ten";
    expect((await ask(shown, ten)).choices[0]?.message.content).toContain("one two three");

    await openRow(page, "my-laptop").getByRole("link").click();
    await page.waitForURL(`**/api-keys/${publicId}`);
    // The call of the dialog and this one.
    await page.locator("dl div", { hasText: "Requests" }).getByText("2", { exact: true }).waitFor({ timeout: 15_000 });
    await page.getByRole("img", { name: /^Requests, 24 h/ }).waitFor();
    expect(await findAxeFindings(page)).toEqual([]);
    await takeScreenshot("key-usage");

    await page.getByRole("tab", { name: "Recent calls" }).click();
    await page.getByRole("row", { name: /dear 200/ }).waitFor({ timeout: 15_000 });
    await takeScreenshot("key-calls");
    expect(await findAxeFindings(page)).toEqual([]);

    let refused = 0;
    for (let call = 0; call < 20 && refused === 0; call++) {
      await ask(shown, ten).catch((error: unknown) => {
        if (!(error instanceof OpenAI.APIError)) throw error;
        refused = error.status ?? 0;
      });
    }
    expect(refused).toBe(429);
    await page.getByRole("main").getByText("budget exhausted").waitFor({ timeout: 20_000 });
    await page.getByRole("tab", { name: "Limits and rights" }).click();
    await page.getByText("spent").first().waitFor();
    await takeScreenshot("key-limits");
    expect(await findAxeFindings(page)).toEqual([]);
    await page.goto("/api-keys");
    await openRow(page, "my-laptop").getByText("budget exhausted").waitFor();
    await takeScreenshot("keys");

    await openRow(page, "my-laptop").getByRole("button", { name: "Actions for my-laptop" }).click();
    await takeScreenshot("key-menu");
    await page.getByRole("menuitem", { name: "Rotate" }).click();
    await page.getByRole("button", { name: "Rotate", exact: true }).click();
    await page.getByText("Your key has a new secret").waitFor();
    const rotated = await copyAndClose(page);
    expect(rotated).not.toBe(shown);
    expect(rotated.split("_")[1]).toBe(publicId);
    await openRow(page, "my-laptop").getByText("old secret works").waitFor();

    await openRow(page, "my-laptop").getByRole("button", { name: "Actions for my-laptop" }).click();
    await page.getByRole("menuitem", { name: "Revoke" }).click();
    const revoke = page.getByRole("dialog", { name: "Revoke my-laptop" });
    await revoke.getByLabel("Type my-laptop to confirm").fill("my-lapto");
    expect(await revoke.getByRole("button", { name: "Revoke key" }).isDisabled()).toBe(true);
    await takeScreenshot("revoke");
    await revoke.getByLabel("Type my-laptop to confirm").fill("my-laptop");
    await revoke.getByRole("button", { name: "Revoke key" }).click();
    await openRow(page, "my-laptop").getByText("revoked").waitFor();
    for (const secret of [shown, rotated]) {
      await expect.poll(() => ask(secret, "x").catch((error: { status: number }) => error.status)).toBe(401);
    }
    expect(complaints).toEqual([]);
  });

  it("E2: the secret is in exactly one answer, and in no storage, address, history or cache", async () => {
    const { page, context, answers } = await dashboard.openPage();
    await signUpOnPage(page);
    const secret = await createKey(page, "seen-once");
    const text = secret.split("_")[2] ?? "";
    expect(text).toHaveLength(48);

    // Leaving asks, once.
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByText("It has not been copied").waitFor();
    await page.getByRole("button", { name: "Close all the same" }).click();
    await page.locator("[data-secret]").waitFor({ state: "detached" });
    const kept = await page.evaluate<string>(browserMemory);
    expect(kept).not.toContain(text);
    expect(JSON.stringify(await context.storageState({ indexedDB: true }))).not.toContain(text);
    await page.reload();
    await openRow(page, "seen-once").waitFor();
    await page.goBack();
    await page.goForward();
    await openRow(page, "seen-once").waitFor();
    expect(await page.content()).not.toContain(text);
    expect(answers.filter((answer) => answer.text.includes(text)).map(({ url }) => new URL(url).pathname)).toEqual([
      "/trpc/keys.create",
    ]);
  });
});
