import OpenAI from "openai";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findAxeFindings } from "../support/axe-findings.ts";
import { type Dashboard, isBrowserMissing, openDashboard, signUpOnPage } from "../support/dashboard.ts";
import { recordSkip } from "../support/skip-ledger.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

/** A key of the person who is signed in, made by the page's own session. */
async function makeKey(page: Page, alias: string, tags: Record<string, string>): Promise<string> {
  const body = JSON.stringify({ alias, tags });
  return await page.evaluate<string>(`(async () => (await (await fetch("/admin/api-keys", {
    method: "POST", headers: { "content-type": "application/json" }, body: ${JSON.stringify(body)},
  })).json()).api_key)()`);
}

describe.skipIf(isBrowserMissing)("usage and activity", () => {
  let dashboard: Dashboard;
  beforeAll(async () => {
    dashboard = await openDashboard();
  });
  afterAll(() => dashboard.close());

  const call = (apiKey: string, model: string) =>
    new OpenAI({ baseURL: `${dashboard.gateway.url}/v1`, apiKey, maxRetries: 0 }).chat.completions.create({
      model,
      messages: [{ role: "user", content: "one two three" }],
    });

  it("a call is seen live within 3 s, in all its details, and can be paused", async () => {
    const { page, complaints, takeScreenshot } = await dashboard.openPage();
    await signUpOnPage(page);
    const key = await makeKey(page, "live", { customer_id: "acme" });
    await page.goto("/activity");
    await page.getByText("No call yet").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await takeScreenshot("activity-empty");

    await call(key, "echo::first");
    await page.getByRole("cell", { name: "echo::first" }).waitFor({ timeout: 3_000 });
    await page.getByRole("button", { name: /^Details of the call/ }).click();
    const details = page.getByRole("dialog", { name: "One call" });
    await details.getByText("customer_id=acme").waitFor();
    await details.getByText("as the provider reported it").waitFor();
    await takeScreenshot("activity-call");
    expect(await findAxeFindings(page)).toEqual([]);
    await details.getByRole("button", { name: "Close" }).last().click();

    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Paused").waitFor();
    await call(key, "echo::second");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByText("Live", { exact: true }).waitFor();
    await call(key, "echo::third");
    await page.getByRole("cell", { name: "echo::third" }).waitFor();
    await page.reload();
    for (const name of ["first", "second", "third"]) await page.getByRole("cell", { name: `echo::${name}` }).waitFor();
    await takeScreenshot("activity");
    expect(await findAxeFindings(page)).toEqual([]);

    await page.getByLabel("Model", { exact: true }).fill("echo::second");
    await page.getByRole("cell", { name: "echo::first" }).waitFor({ state: "detached" });
    expect(await page.getByRole("row").count()).toBe(2);
    expect(complaints).toEqual([]);
  });

  it("usage by model, by customer and in comparison, as chart, table and CSV; of one's own keys only", async () => {
    const { page, complaints, takeScreenshot } = await dashboard.openPage();
    await signUpOnPage(page);
    const acme = await makeKey(page, "of-acme", { customer_id: "acme" });
    const initech = await makeKey(page, "of-initech", { customer_id: "initech" });
    for (const model of ["echo::a", "echo::a", "echo::b"]) await call(acme, model);
    await call(initech, "echo::a");

    await page.goto("/usage?by=model");
    // The legend of the chart is a table too.
    const openRow = (name: string) => page.getByRole("region", { name: /^Usage by/ }).getByRole("row", { name });
    await expect.poll(async () => await openRow("echo::a").count(), { timeout: 15_000 }).toBe(1);
    await expect
      .poll(async () => (await openRow("echo::a").textContent()) ?? "", { timeout: 15_000 })
      .toMatch(/^echo::a30%0\$/);
    await page.getByRole("columnheader", { name: "Refused" }).waitFor();
    await page.getByRole("img", { name: /^Requests of the last 7 days/ }).waitFor();
    await takeScreenshot("usage-model");
    expect(await findAxeFindings(page)).toEqual([]);

    await page.getByLabel("Group by").selectOption("tag");
    await openRow("initech").waitFor();
    expect(await openRow("acme").textContent()).toMatch(/^acme3/);
    await page.getByLabel("Compare with before").check();
    await page.getByText("0 before").first().waitFor();
    expect(page.url()).toContain("compare=true");
    await takeScreenshot("usage-customer");

    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "CSV" }).click(),
    ]);
    let csv = "";
    for await (const chunk of await download.createReadStream()) csv += String(chunk);
    expect(csv.split("\r\n")[0] ?? "").toContain("tag:customer_id");
    expect(csv).toContain("acme");

    // Another person's calls are not there.
    const other = await dashboard.openPage({ width: 360, height: 740 });
    await signUpOnPage(other.page);
    await other.page.goto("/usage");
    await other.page.getByText("No call matches in this range").waitFor();
    expect(await findAxeFindings(other.page)).toEqual([]);
    await other.takeScreenshot("usage-empty-phone");
    expect([...complaints, ...other.complaints]).toEqual([]);
  });
});
