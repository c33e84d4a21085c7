import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminHarness, openAdminHarness } from "../support/admin-harness.ts";
import { isBrowserInstalled, openBrowserPage } from "../support/browser-page.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { waitUntil } from "../support/wait-until.ts";

let admin: AdminHarness;
beforeAll(async () => {
  admin = await openAdminHarness();
});
afterAll(() => admin.close());

describe("GET /admin/docs", () => {
  it("is a page of this host alone, without a script in it", async () => {
    const page = await admin.send("GET", "/admin/docs", null);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("connect-src 'self';");
    expect(policy).not.toMatch(/unsafe-eval|https?:|\*|script-src[^;]*unsafe/);
    expect(page.text).not.toMatch(/https?:\/\//);
    expect([...page.text.matchAll(/<script\b[^>]*>([^<]*)<\/script>/g)].map((match) => match[1])).toEqual([""]);
    expect(page.text).not.toMatch(/\son[a-z]+=/);
  });

  it("its script may be kept for ever, under a name that its content gives", async () => {
    const page = await admin.send("GET", "/admin/docs", null);
    const path = /src="(docs\/rapidoc\.[0-9a-f]{16}\.js)"/.exec(page.text)?.[1];
    const script = await admin.send("GET", `/admin/${path}`, null);
    expect(script.status).toBe(200);
    expect(script.headers.get("content-type")).toMatch(/^text\/javascript/);
    expect(script.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(script.text).toContain("RapiDoc");
  });

  it.each([
    "/admin/docs/",
    "/admin/docs/rapidoc.js",
    "/admin/Docs",
    "/admin/docs/../docs/x",
    "/admin/docs/package.json",
  ])("401: nothing else is beside it: %s", async (path) => {
    expect((await admin.send("GET", path, null)).status).toBe(401);
  });

  it("shows every operation in Chromium, and asks no other host for anything", async (context) => {
    if (!isBrowserInstalled()) {
      recordSkip("browser", "chromium is not on PATH");
      return context.skip();
    }
    const browser = await openBrowserPage(`${admin.url}/admin/docs`);
    try {
      const text = "document.querySelector('rapi-doc')?.shadowRoot?.textContent ?? ''";
      await waitUntil(
        async () => String(await browser.evaluate(text)).includes("Create a key") || browser.complaints.length > 0,
        "the operations on the page",
        30_000,
      );
      expect(browser.complaints).toEqual([]);
      const shown = String(await browser.evaluate(text));
      const document = await admin.send("GET", "/admin/openapi.json", null);
      const operations = Object.values(document.body.paths as Record<string, Record<string, { summary: string }>>);
      const summaries = operations.flatMap((item) => Object.values(item).map((operation) => operation.summary));
      expect(summaries.length).toBeGreaterThan(5);
      for (const summary of summaries) expect(shown).toContain(summary);
      const others = browser.requests.filter(
        (url) => !url.startsWith(`${admin.url}/admin/`) && !url.startsWith("data:"),
      );
      expect(others).toEqual([]);
      expect(browser.requests.length).toBeGreaterThanOrEqual(3);
      const picture = await browser.takeScreenshot();
      expect(picture.length).toBeGreaterThan(20_000);
      if (process.env.SCREENSHOT !== undefined) writeFileSync(process.env.SCREENSHOT, picture);
    } finally {
      await browser.close();
    }
  });

  it("the check sees a page that asks another host", async (context) => {
    if (!isBrowserInstalled()) {
      recordSkip("browser", "chromium is not on PATH");
      return context.skip();
    }
    const html = `<body><img src="http://127.0.0.1:9/x.png"><script>throw new Error("planted")</script>`;
    const browser = await openBrowserPage(`data:text/html,${encodeURIComponent(html)}`);
    try {
      const sees = () => [
        browser.requests.includes("http://127.0.0.1:9/x.png"),
        browser.complaints.join().includes("planted"),
      ];
      await waitUntil(() => sees().every(Boolean), "the planted faults");
      expect(sees()).toEqual([true, true]);
    } finally {
      await browser.close();
    }
  });
});
