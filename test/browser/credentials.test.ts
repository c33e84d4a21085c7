import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findAxeFindings } from "../support/axe-findings.ts";
import { type Dashboard, isBrowserMissing, openDashboard, signInAsAdmin } from "../support/dashboard.ts";
import { openProviderFake, type ProviderFake } from "../support/provider-fake.ts";
import { recordSkip } from "../support/skip-ledger.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

const right = "sk-right-0123456789abcdef";
const wrong = "sk-wrong-0123456789abcdef";

function makeModel(name: string, url: string, location: string): string {
  return `
[models.${name}]
routing = ["up"]
[models.${name}.providers.up]
type = "openai"
api_base = "${url}/v1"
api_key_location = ${location}
`;
}

describe.skipIf(isBrowserMissing)("credentials of providers", () => {
  let dashboard: Dashboard;
  let provider: ProviderFake;
  beforeAll(async () => {
    provider = await openProviderFake({
      token: right,
      aws: { accessKeyId: "", secretAccessKey: "", region: "" },
      googleTokens: [],
    });
    const { url } = provider;
    dashboard = await openDashboard(
      makeModel("vaulted", url, '"vault::main"') +
        makeModel("either", url, '{ default = "dynamic::theirs", fallback = "vault::main" }') +
        makeModel("open", url, '"none"'),
    );
  });
  afterAll(async () => {
    await dashboard.close();
    await provider.close();
  });

  it("stored, tested, replaced, held by what uses it, deleted by name; never answered or shown", async () => {
    const { page, complaints, answers, takeScreenshot } = await dashboard.openPage();
    await signInAsAdmin(dashboard, page);
    await page.goto("/manage/providers");
    await page.getByText("No credential is stored").waitFor();
    const locations = page.getByRole("region", { name: "Credentials by model" }).first();
    await locations.getByText("dynamic::theirs, then vault::main").waitFor();

    const store = async (name: string, secret: string): Promise<void> => {
      await page.getByRole("button", { name: "Store credential" }).click();
      const dialog = page.getByRole("dialog", { name: "Store a credential" });
      await dialog.getByLabel("Name").fill(name);
      await dialog.getByLabel("Credential", { exact: true }).fill(secret);
      await dialog.getByRole("button", { name: "Store credential" }).click();
    };
    const choose = async (name: string, entry: string): Promise<void> => {
      await page.getByRole("button", { name: `Actions of ${name}` }).click();
      await page.getByRole("menuitem", { name: entry }).click();
    };
    await store("Not A Name", wrong);
    await page.getByText(/must be 1 to 64 characters/).waitFor();
    await takeScreenshot("credential-error");
    expect(await findAxeFindings(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await store("main", wrong);
    await page.getByText("main is stored, as version 1.").waitFor();
    const vault = page.getByRole("region", { name: "Stored credentials" }).first();
    await vault.getByText(/models\.vaulted\.providers\.up/).waitFor();

    await choose("main", "Test");
    const test = page.getByRole("dialog", { name: "Test main" });
    await test.getByRole("button", { name: "Test", exact: true }).click();
    await test.getByText("rejected").first().waitFor();
    await takeScreenshot("credential-rejected");
    expect(await findAxeFindings(page)).toEqual([]);
    await page.keyboard.press("Escape");

    await choose("main", "Replace or describe");
    const change = page.getByRole("dialog", { name: "Change main" });
    expect(await change.getByLabel("Credential", { exact: true }).inputValue()).toBe("");
    await change.getByLabel("Credential", { exact: true }).fill(right);
    await change.getByRole("button", { name: "Save" }).click();
    await page.getByText("main is stored, as version 2.").waitFor();
    await choose("main", "Test");
    await test.getByRole("button", { name: "Test", exact: true }).click();
    await test.getByText("accepted").first().waitFor();
    expect(provider.calls.some(({ headers }) => headers.authorization === `Bearer ${right}`)).toBe(true);
    await page.keyboard.press("Escape");
    await vault.getByText("accepted").waitFor();
    await takeScreenshot("credentials");
    expect(await findAxeFindings(page)).toEqual([]);

    await choose("main", "Delete");
    await page.getByLabel("Type main to confirm").fill("main");
    await page.getByRole("button", { name: "Delete credential" }).click();
    await page.getByText(/The credential main is used by/).waitFor();
    await page.keyboard.press("Escape");
    await store("spare", right);
    await page.getByText("spare is stored, as version 1.").waitFor();
    await choose("spare", "Delete");
    const remove = page.getByRole("button", { name: "Delete credential" });
    await page.getByLabel("Type spare to confirm").fill("spar");
    expect(await remove.isDisabled()).toBe(true);
    await page.getByLabel("Type spare to confirm").fill("spare");
    await remove.click();
    await vault.getByText("spare", { exact: true }).waitFor({ state: "detached" });

    const seen = [await page.content(), ...answers.map(({ text }) => text)].join("\n");
    for (const secret of [right, wrong]) expect(seen).not.toContain(secret);
    expect(complaints).toEqual([]);
  });

  it("fits 360 px, in the dark", async () => {
    const { page, complaints, takeScreenshot } = await dashboard.openPage({ width: 360, height: 740, isDark: true });
    await signInAsAdmin(dashboard, page);
    await page.goto("/manage/providers");
    await page.getByRole("region", { name: "Credentials by model" }).first().getByText("vaulted").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
    await takeScreenshot("mobile-credentials");
    expect(await findAxeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
