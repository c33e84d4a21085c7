import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import { type Dashboard, isBrowserMissing, openDashboard, signInAsAdmin } from "../support/dashboard.ts";
import { makeUsageEvent } from "../support/make-usage-event.ts";
import { formulas, scriptPayloads, writeCarelessly } from "../support/script-payloads.ts";
import { listForeignMarkup, openScriptWatch } from "../support/script-watch.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { insertStoredTexts, type StoredTexts } from "../support/stored-texts.ts";
import { testPassword } from "../support/users-harness.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

const isFull = process.env.TEST_TIER === "full";
/** What every live payload has in it, and nothing of ours. */
const trace = "xss=1";

/** Pages that show nothing that is stored. */
const plainPages = new Set([
  "/",
  "/sign-in",
  "/sign-up",
  "/first-start",
  "/forgot-password",
  "/reset-password",
  "/quick-start",
  "/manage/settings",
  // By key; the other groups are in the tour.
  "/usage",
]);
/** Views that stand in the address. */
const moreViews = ["model", "provider", "endpoint", "origin", "owner", "tag:note"].map((by) => `/usage?by=${by}`);
/** Buttons and entries that open something and change nothing. */
const opener = /^(Show|Edit|Change|Delete|Revoke|Test$|Replace|Rotate$|Top up|Add|Invite|Create|Store)/;

describe.skipIf(isBrowserMissing)("C7: what people wrote stays text on every page", () => {
  let dashboard: Dashboard;
  let stored: StoredTexts;
  beforeAll(async () => {
    dashboard = await openDashboard("[keys]\nallow_no_expiry = true\n");
    stored = await insertStoredTexts(
      dashboard.gateway,
      scriptPayloads.map(({ text }) => text),
      !isFull,
    );
  }, 120_000);
  afterAll(() => dashboard.close());

  /** The routes of the pages' own router, with what stands for their parameters. */
  async function listPages(page: Page): Promise<string[]> {
    const routes = await page.evaluate<string[]>("Object.keys(window.__TSR_ROUTER__.routesByPath)");
    return routes.flatMap((route) => {
      const paths = route.includes("$publicId")
        ? stored.publicIds.map((id) => route.replace("$publicId", id))
        : [route];
      if (paths.some((path) => path.includes("$"))) throw new Error(`nothing stands for the parameter of ${route}`);
      return paths;
    });
  }

  /** Not `waitForFunction`: the policy forbids what it does. */
  async function settle(page: Page): Promise<void> {
    const isSettled = `document.querySelector("h1, h2") !== null && document.querySelector("[aria-busy=true]") === null`;
    await expect
      .poll(() => page.evaluate<boolean>(isSettled), {
        interval: 20,
        timeout: 20_000,
        message: page.url().slice(0, 200),
      })
      .toBe(true);
  }

  /** Opens one after the other what can be opened there, and looks at each. @returns how often a page showed a payload */
  async function exploreOpeners(page: Page, inspect: () => Promise<void>): Promise<void> {
    const seen = new Set<string>();
    const buttons = page.locator("main button:not([disabled])");
    for (const button of await buttons.all()) {
      const label = ((await button.getAttribute("aria-label")) ?? (await button.textContent()) ?? "").trim();
      const kind = label.split(" ")[0] ?? "";
      if (seen.has(kind) || !(opener.test(label) || /^Actions (of|for) /.test(label))) continue;
      if (label.startsWith("Show more")) continue;
      seen.add(kind);
      await button.click();
      if (kind !== "Actions") {
        await page.getByRole("dialog").waitFor();
        await inspect();
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
        continue;
      }
      await page.getByRole("menu").waitFor();
      const entries = (await page.locator("[role=menuitem]:not([data-disabled])").allTextContents()).map((text) =>
        text.trim(),
      );
      await inspect();
      await page.keyboard.press("Escape");
      await page.getByRole("menu").waitFor({ state: "detached" });
      for (const entry of entries.filter((text) => opener.test(text))) {
        await button.click();
        await page.getByRole("menuitem", { name: entry, exact: true }).click();
        await page.getByRole("dialog").waitFor();
        await inspect();
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
      }
    }
  }

  it("on every page of the router, its tabs, menus and dialogs: no dialog, no script, nothing that the policy forbade", async () => {
    const { page, context, complaints } = await dashboard.openPage();
    const watch = await openScriptWatch(context);
    await dashboard.gateway.call("POST", "/admin/users", dashboard.gateway.adminKey, {
      email: "admin@example.com",
      name: scriptPayloads[0]?.text,
      role: "admin",
      password: testPassword,
    });
    await fetch(`${dashboard.gateway.url}/api/auth/sign-in/email`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        origin: dashboard.gateway.url,
        "user-agent": `Mozilla/5.0 ${scriptPayloads[1]?.text}`,
      },
      body: JSON.stringify({ email: "admin@example.com", password: testPassword }),
    });
    await signInAsAdmin(dashboard, page);
    const paths = await listPages(page);
    const showing = new Set<string>();
    let views = 0;
    let path = "";
    const inspect = async (): Promise<void> => {
      views++;
      expect([path, await listForeignMarkup(page)]).toEqual([path, []]);
      expect([path, watch.findings]).toEqual([path, []]);
      if ((await page.evaluate<string>("document.body.innerText")).includes(trace)) showing.add(path);
    };
    const tour = [...paths, ...moreViews, `/manage/webhooks?webhook=${stored.webhookId}`];
    for (path of tour) {
      await page.goto(path);
      await settle(page);
      await inspect();
      const more = page.getByRole("button", { name: /^(Show more|Next)$/ });
      for (
        let turn = 0;
        isFull && turn < 20 && (await more.first().isVisible()) && (await more.first().isEnabled());
        turn++
      ) {
        await more.first().click();
        await settle(page);
        await inspect();
      }
      // Of keys, the others have the same tabs and buttons.
      const isRepeated = !isFull && stored.publicIds.slice(1).some((id) => path.includes(id));
      for (const tab of isRepeated ? [] : await page.getByRole("tab").all()) {
        await tab.click();
        await settle(page);
        await inspect();
      }
      if (isRepeated || plainPages.has(path)) continue;
      await page.goto(path);
      await settle(page);
      await exploreOpeners(page, inspect);
    }
    expect(tour.filter((each) => !showing.has(each) && !plainPages.has(each))).toEqual([]);
    expect(complaints).toEqual([]);
    console.info(
      `${scriptPayloads.length} payloads, ${tour.length} pages, ${views} views: 0 dialogs, scripts or reports`,
    );
  });

  it("in the address of every page", async () => {
    const { page, context, complaints } = await dashboard.openPage();
    const watch = await openScriptWatch(context);
    await signInAsAdmin(dashboard, page);
    const names =
      "q tag next error token email invitation tab state webhook rule by key model range role metric sort status".split(
        " ",
      );
    // Two of them in each address, turn about.
    const texts = scriptPayloads.map(({ text }) => text);
    const turns = isFull ? 20 : 1;
    let visits = 0;
    for (const path of (await listPages(page)).filter(
      (each) => !stored.publicIds.slice(1).some((id) => each.includes(id)),
    )) {
      for (let turn = 0; turn < turns; turn++) {
        const query = new URLSearchParams();
        for (const [index, name] of names.entries()) {
          query.set(name, texts[(index % 2 === 0 ? 1 : 160) + turn] ?? "");
        }
        await page.goto(`${path}?${query}`);
        await settle(page);
        expect([path, turn, await listForeignMarkup(page), watch.findings]).toEqual([path, turn, [], []]);
        visits++;
      }
    }
    expect(visits).toBeGreaterThanOrEqual(turns * 15);
    expect(complaints).toEqual([]);
  });

  it("the check sees a page that runs one, with the policy and without it", async () => {
    const strict = await dashboard.openPage();
    const watch = await openScriptWatch(strict.context);
    await strict.page.route("**/sign-in", async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace("</body>", "<img src=x onerror=xss=1></body>");
      await route.fulfill({ response, body });
    });
    await strict.page.goto("/sign-in");
    await expect.poll(() => watch.findings.join()).toContain("forbidden: script-src-attr");
    expect(await listForeignMarkup(strict.page)).toContain("img onerror");

    const lax = await dashboard.browser.newContext({ baseURL: dashboard.gateway.url, bypassCSP: true });
    const laxWatch = await openScriptWatch(lax);
    const page = await lax.newPage();
    await page.goto("/livez");
    const missed: string[] = [];
    let ran = 0;
    for (const { text } of scriptPayloads.filter(({ isLive }) => isLive)) {
      await page.evaluate(`document.body.innerHTML = ${JSON.stringify(writeCarelessly(text))}`);
      const markup = await listForeignMarkup(page);
      if (laxWatch.findings.length > 0) ran++;
      if (markup.length === 0 && laxWatch.findings.length === 0) missed.push(text);
      laxWatch.findings.length = 0;
    }
    await lax.close();
    expect(missed).toEqual([]);
    expect(ran).toBeGreaterThan(20);
  });

  it("cells of an export that a spreadsheet would run are text", async () => {
    const events = formulas.map((text) => makeUsageEvent(Date.now(), { model: text, origin: text, status: 502 }));
    await insertUsageEvents(dashboard.gateway.database.database.sql, "formulas", events);
    for (const path of ["/admin/events/export", "/admin/usage/export?group_by=model,origin"]) {
      const answer = await dashboard.gateway.call("GET", path, dashboard.gateway.adminKey);
      expect(answer.status).toBe(200);
      const text = await answer.text();
      for (const formula of formulas) {
        const cell = /[",]/.test(formula) ? `"'${formula.replaceAll('"', '""')}"` : `'${formula}`;
        expect([path, formula, text.includes(cell)]).toEqual([path, formula, true]);
      }
      expect(/(?:^|,|\n)"?[=+@\t]/.exec(text)).toBeNull();
    }
  });

  it("there are two hundred of them, and no two alike", () => {
    expect(new Set(scriptPayloads.map(({ text }) => text)).size).toBe(200);
  });
});
