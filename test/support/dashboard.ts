import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { onTestFailed } from "vitest";
import { findOnPath } from "./find-on-path.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import { openUsersGateway, testPassword } from "./users-harness.ts";

const outFolder = fileURLToPath(new URL("../browser/out", import.meta.url));

/** Where this machine has no Chromium, a test file says so with `recordSkip("browser", …)` and skips. */
export const isBrowserMissing: boolean = findOnPath("chromium") === null;

/** A page with everything that went wrong in it. */
export interface DashboardPage {
  page: Page;
  context: BrowserContext;
  /** What scripts threw, what the policy forbade, and what was asked of other hosts. Must stay empty. */
  complaints: string[];
  /** Every answer of the gateway that was seen, with its text. */
  answers: { url: string; status: number; text: string }[];
  /** Leaves a picture in `test/browser/out`. */
  takeScreenshot(name: string): Promise<void>;
}

export interface Dashboard {
  gateway: GatewayProcess;
  browser: Browser;
  /** A person's own browser: nothing is shared with another one. */
  openPage(options?: PageOptions): Promise<DashboardPage>;
  close(): Promise<void>;
}

export interface PageOptions {
  width?: number;
  height?: number;
  isDark?: boolean;
}

/** Starts the gateway as a process over a database of its own, and a Chromium. */
export async function openDashboard(config = "", env: Record<string, string> = {}): Promise<Dashboard> {
  const gateway = await openUsersGateway(config, env);
  let browser: Browser;
  try {
    browser = await chromium.launch({
      executablePath: findOnPath("chromium") ?? "chromium",
      args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    });
  } catch (error) {
    await gateway.close();
    throw error;
  }
  return {
    gateway,
    browser,
    openPage: (options = {}) => openPage(browser, gateway.url, options),
    async close() {
      await browser.close();
      await gateway.close();
    },
  };
}

let pages = 0;

async function openPage(browser: Browser, url: string, options: PageOptions): Promise<DashboardPage> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
    colorScheme: options.isDark === true ? "dark" : "light",
    permissions: ["clipboard-read", "clipboard-write"],
    reducedMotion: "reduce",
    locale: "en-GB",
    timezoneId: "UTC",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  const answers: DashboardPage["answers"] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // A refusal that the page asked for and shows is no fault of the page.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) complaints.push(`asked ${request.url()}`);
  });
  page.on("response", async (response) => {
    const entry = { url: response.url(), status: response.status(), text: "" };
    answers.push(entry);
    entry.text = await response.text().catch(() => "");
  });
  const name = `failed-${++pages}`;
  onTestFailed(async () => {
    mkdirSync(outFolder, { recursive: true });
    await page.screenshot({ path: join(outFolder, `${name}.png`) });
  });
  return {
    page,
    context,
    complaints,
    answers,
    async takeScreenshot(name) {
      mkdirSync(outFolder, { recursive: true });
      await page.screenshot({ path: join(outFolder, `${name}.png`) });
    },
  };
}

let people = 0;

/** Signs a new member up through the page. @returns the e-mail */
export async function signUpOnPage(page: Page, name = "Ada Lovelace"): Promise<string> {
  const email = `member-${++people}-${process.pid}@example.com`;
  await page.goto("/sign-up");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(testPassword);
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.waitForURL("**/api-keys");
  return email;
}

/** Makes an admin beside the page, and signs in on it. */
export async function signInAsAdmin(dashboard: Dashboard, page: Page, email = "admin@example.com"): Promise<void> {
  await dashboard.gateway.call("POST", "/admin/users", dashboard.gateway.adminKey, {
    email,
    name: "Grace Hopper",
    role: "admin",
    password: testPassword,
  });
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(testPassword);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL("**/api-keys");
}

const adminCookies = new WeakMap<Dashboard, Awaited<ReturnType<BrowserContext["cookies"]>>>();

/** A page of an admin; the first one signs in, and the others have its session. */
export async function openAdminPage(dashboard: Dashboard, options: PageOptions = {}): Promise<DashboardPage> {
  const opened = await dashboard.openPage(options);
  const cookies = adminCookies.get(dashboard);
  if (cookies !== undefined) {
    await opened.context.addCookies(cookies);
    return opened;
  }
  await signInAsAdmin(dashboard, opened.page);
  adminCookies.set(dashboard, await opened.context.cookies());
  return opened;
}
