import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../server/core/secret.ts";
import { handleDeliverWebhooks } from "../../workers/jobs/deliver-webhooks.ts";
import { handleEvaluateAlerts } from "../../workers/jobs/evaluate-alerts.ts";
import { findAxeFindings } from "../support/axe-findings.ts";
import {
  type Dashboard,
  type DashboardPage,
  isBrowserMissing,
  openDashboard,
  signInAsAdmin,
} from "../support/dashboard.ts";
import { lookAtPage } from "../support/look-at-page.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { countGoodSignatures, openWebhookReceiver, type WebhookReceiver } from "../support/webhook-receiver.ts";
import { makeJobTools, openWorkerHarness, type WorkerHarness } from "../support/worker-harness.ts";

if (isBrowserMissing) recordSkip("browser", "no chromium on PATH");

describe.skipIf(isBrowserMissing)("alerts and webhooks", () => {
  let dashboard: Dashboard;
  let worker: WorkerHarness;
  let receiver: WebhookReceiver;
  let signedIn: DashboardPage;
  let page: Page;
  beforeAll(async () => {
    dashboard = await openDashboard('[egress]\nallow = ["127.0.0.0/8"]\n');
    // No jobs of its own: the test says when each runs.
    worker = openWorkerHarness({ databaseUrl: dashboard.gateway.database.url, redisUrl: null }, []);
    const sealKey = new Secret(dashboard.gateway.secrets["TOLLGATE_SEAL_KEY"] ?? "");
    worker.context.config.sealKey = sealKey;
    worker.context.config.sealKeys = [{ version: 1, value: sealKey }];
    receiver = await openWebhookReceiver();
  });
  afterAll(async () => {
    await receiver.close();
    await worker.stop();
    await dashboard.close();
  });
  beforeEach(async () => {
    receiver.answer = (response) => void response.end("ok");
    await dashboard.gateway.database.database.sql`delete from alert_rule`;
    await dashboard.gateway.database.database.sql`delete from webhook`;
    signedIn = await dashboard.openPage();
    page = signedIn.page;
    await signInAsAdmin(dashboard, page);
  });

  const deliver = () => handleDeliverWebhooks(makeJobTools(worker));

  /** Fills the dialog, and takes what is shown once. */
  async function addWebhook(name: string): Promise<string> {
    await page.goto("/manage/webhooks");
    await page.getByRole("button", { name: "Add webhook" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Add a webhook" });
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByLabel("URL").fill(`${receiver.url}/hook?token=hidden`);
    await dialog.getByRole("button", { name: "Add webhook" }).click();
    const secret = (await page.locator("[data-secret]").textContent()) ?? "";
    await page.getByRole("button", { name: "Copy the secret" }).click();
    await page.getByRole("button", { name: "Done" }).click();
    await page.locator("[data-secret]").waitFor({ state: "detached" });
    return secret;
  }

  async function choose(name: string, entry: string): Promise<void> {
    await page.getByRole("button", { name: `Actions of ${name}` }).click();
    await page.getByRole("menuitem", { name: entry }).click();
  }

  it("a webhook: refused inside the network, its secret shown once, tested, given up, replayed, deleted by name", async () => {
    await page.goto("/manage/webhooks");
    await page.getByText("No webhook yet").waitFor();
    await signedIn.takeScreenshot("webhooks-empty");
    await page.getByRole("button", { name: "Add webhook" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Add a webhook" });
    await dialog.getByLabel("Name").fill("Inside");
    await dialog.getByLabel("URL").fill("https://169.254.169.254/latest");
    await dialog.getByRole("button", { name: "Add webhook" }).click();
    await dialog.getByRole("alert").waitFor();
    await signedIn.takeScreenshot("webhooks-refused");
    expect(await findAxeFindings(page)).toEqual([]);

    const secret = await addWebhook("Ops");
    expect(secret).toMatch(/^whsec_/);
    expect(await page.content()).not.toContain(secret);
    expect(await page.content()).not.toContain("token=hidden");
    const answers = signedIn.answers
      .filter(({ text }) => text.includes(secret))
      .map(({ url }) => new URL(url).pathname);
    expect(answers).toEqual(["/trpc/webhooks.create"]);

    await choose("Ops", "Send a test");
    await page.getByRole("region", { name: "Messages to Ops" }).first().getByText("pending").waitFor();
    expect(await deliver()).toMatchObject({ delivered: 1 });
    const table = page.getByRole("table").nth(1);
    await table.getByText("delivered").waitFor();
    const [message] = receiver.received;
    expect(message === undefined ? 0 : countGoodSignatures(message, secret)).toBe(1);

    receiver.answer = (response) => void response.writeHead(410).end();
    await choose("Ops", "Send a test");
    await table.getByText("pending").waitFor();
    await deliver();
    await table.getByText("parked").waitFor();
    await table.getByText("answered 410").waitFor();
    await signedIn.takeScreenshot("webhooks");
    expect(await findAxeFindings(page)).toEqual([]);
    await page.getByRole("radio", { name: "parked" }).check();
    expect(page.url()).toContain("state=parked");
    await page.reload();
    await table.getByText("answered 410").waitFor();

    receiver.answer = (response) => void response.end("ok");
    await page.getByRole("button", { name: "Replay all parked" }).click();
    await page.getByText("1 message is sent again").waitFor();
    expect(await deliver()).toMatchObject({ delivered: 1 });
    await page.getByText("No message is parked").waitFor();
    await page.getByRole("radio", { name: "delivered" }).check();
    await table
      .getByRole("button", { name: /^Replay msg_/ })
      .nth(1)
      .waitFor();
    await table
      .getByRole("button", { name: /^Replay msg_/ })
      .first()
      .click();
    await expect.poll(async () => (await deliver()).delivered).toBe(1);
    expect(receiver.received).toHaveLength(4);

    await choose("Ops", "Give a new secret");
    const rotated = (await page.locator("[data-secret]").textContent()) ?? "";
    expect(rotated).toMatch(/^whsec_/);
    expect(rotated).not.toBe(secret);
    await page.getByRole("button", { name: "Copy the secret" }).click();
    await page.getByRole("button", { name: "Done" }).click();

    await choose("Ops", "Disable");
    await page.getByText("disabled", { exact: true }).waitFor();
    await choose("Ops", "Edit");
    await page.getByRole("dialog").getByLabel("Name").fill("Operations");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("link", { name: "Operations" }).waitFor();
    await choose("Operations", "Delete");
    const remove = page.getByRole("dialog", { name: "Delete Operations" });
    await remove.getByLabel("Type Operations to confirm").fill("Ops");
    expect(await remove.getByRole("button", { name: "Delete webhook" }).isDisabled()).toBe(true);
    await remove.getByLabel("Type Operations to confirm").fill("Operations");
    await remove.getByRole("button", { name: "Delete webhook" }).click();
    await page.getByText("No webhook yet").waitFor();
    expect(signedIn.complaints).toEqual([]);
  });

  it("an alert rule: errors at the field, made, tested, finds an incident, which is looked after, and ends", async () => {
    await addWebhook("Pager");
    const { sql } = dashboard.gateway.database.database;
    const { publicId } = await dashboard.gateway.makeKey({ alias: "spender" });
    await page.goto("/manage/alerts");
    await page.getByText("No alert rule yet").waitFor();
    await signedIn.takeScreenshot("alerts-empty");
    await page.getByRole("button", { name: "Add rule" }).click();
    const dialog = page.getByRole("dialog", { name: "Add an alert rule" });
    await dialog.getByLabel("Name").fill("Half spent");
    await dialog.getByLabel("Percent of the limit").fill("50, nothing");
    await dialog.getByLabel("Key id").fill("no-id");
    await dialog.getByLabel("Pager").check();
    await dialog.getByLabel(/^Quiet hours/).check();
    await dialog.getByLabel("From").fill("25:00");
    await dialog.getByLabel("Time zone").fill("UTC");
    await dialog.getByRole("button", { name: "Add rule" }).click();
    await dialog.getByText("must be 12 letters or digits").waitFor();
    await dialog.getByText("must be a time of day, like 22:00").waitFor();
    expect(await dialog.getByRole("alert").count()).toBe(3);
    await signedIn.takeScreenshot("alert-rule-errors");
    expect(await findAxeFindings(page)).toEqual([]);
    await dialog.getByLabel("Percent of the limit").fill("50, 90");
    await dialog.getByLabel("Key id").fill(publicId);
    await dialog.getByLabel("From").fill("22:00");
    await dialog.getByRole("button", { name: "Add rule" }).click();
    const rules = page.getByRole("region", { name: "Rules" });
    await rules.getByText("Budget nearly spent, at 50, 90 % of the limit").waitFor();
    const [stored] = await sql<{ body: Record<string, unknown> }[]>`select body from alert_rule`;
    expect(stored?.body).toMatchObject({
      thresholds: [50, 90],
      scope: { public_id: publicId },
      quiet_hours: { from: "22:00", to: "07:00", timezone: "UTC" },
    });

    await choose("Half spent", "Edit");
    await page
      .getByRole("dialog")
      .getByLabel(/^Quiet hours/)
      .uncheck();
    await page.getByRole("button", { name: "Save" }).click();
    await rules.getByRole("cell", { name: "none" }).waitFor();
    await choose("Half spent", "Send a test");
    await page.getByText("A test is on its way to 1 webhook").waitFor();
    await expect.poll(async () => (await deliver()).delivered).toBe(1);
    expect(JSON.parse(receiver.received.at(-1)?.body ?? "{}")).toMatchObject({ type: "alert.test" });

    await sql`
      insert into budget_window (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd, terms_version,
        settled_nano_usd)
      values (${`key/${publicId}/month/0`}, 'key', ${publicId}, 'month', 'UTC', now() - interval '1 day', now() + interval '9 days',
        10000000000, 1, 6000000000)`;
    expect(await handleEvaluateAlerts(makeJobTools(worker))).toMatchObject({ opened: 1, announced: 1, failed: 0 });
    await page.reload();
    const incidents = page.getByRole("region", { name: "Incidents" });
    await incidents.getByText("6 USD of 10 USD").first().waitFor();
    await signedIn.takeScreenshot("alerts");
    expect(await findAxeFindings(page)).toEqual([]);
    await incidents
      .getByRole("button", { name: /^Look after/ })
      .first()
      .click();
    await incidents.getByRole("cell", { name: "you", exact: true }).waitFor();
    await incidents
      .getByRole("button", { name: /^Show / })
      .first()
      .click();
    await page.getByRole("dialog").getByText("Seen last").waitFor();
    await signedIn.takeScreenshot("alert-incident");
    expect(await findAxeFindings(page)).toEqual([]);
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();

    await sql`update budget_window set settled_nano_usd = 0`;
    expect(await handleEvaluateAlerts(makeJobTools(worker))).toMatchObject({ resolved: 1 });
    await page.reload();
    await page.getByText("No incident is open").waitFor();
    await page.getByRole("radio", { name: "Resolved" }).check();
    expect(page.url()).toContain("state=resolved");
    await incidents.getByRole("cell", { name: "resolved" }).waitFor();

    await choose("Half spent", "Disable");
    await rules.getByText("disabled").waitFor();
    await choose("Half spent", "Delete");
    await page.getByLabel("Type Half spent to confirm").fill("Half spent");
    await page.getByRole("button", { name: "Delete rule" }).click();
    await page.getByText("No alert rule yet").waitFor();
    expect(signedIn.complaints).toEqual([]);
  });

  it("every kind of rule is made from its form", async () => {
    await page.goto("/manage/alerts");
    for (const [kind, fields] of [
      ["expiry", { "Days ahead": "30, 7" }],
      ["spike", { "Deviations above the usual": "4", "At least, in USD": "2.5" }],
      ["rotated_secret", { "At least so many calls": "3" }],
      ["unpriced", { "At least so many calls": "10" }],
      ["debt", { "At least, in USD": "0.5" }],
    ] as const) {
      await page.getByRole("button", { name: "Add rule" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Name").fill(`Made ${kind}`);
      await dialog.getByLabel("Look for").selectOption(kind);
      for (const [label, text] of Object.entries(fields)) await dialog.getByLabel(label).fill(text);
      expect(await dialog.getByLabel("Also do to the key").count()).toBe(kind === "unpriced" ? 0 : 1);
      await dialog.getByRole("button", { name: "Add rule" }).click();
      await page.getByRole("region", { name: "Rules" }).getByText(`Made ${kind}`, { exact: true }).waitFor();
    }
    await signedIn.takeScreenshot("alert-rules");
    const { sql } = dashboard.gateway.database.database;
    const made = await sql<{ body: Record<string, unknown> }[]>`select body from alert_rule order by created_at`;
    expect(made.map(({ body }) => body)).toMatchObject([
      { kind: "expiry", thresholds: [30, 7] },
      { kind: "spike", measure: "spend", sensitivity: 4, minimum_usd: "2.5" },
      { kind: "rotated_secret", minimum_count: 3 },
      { kind: "unpriced", minimum_count: 10 },
      { kind: "debt", minimum_usd: "0.5" },
    ]);
  });

  it("fits 360 px, in the dark", async () => {
    const small = await dashboard.openPage({ width: 360, height: 740, isDark: true });
    await signInAsAdmin(dashboard, small.page);
    await addWebhook("Pager");
    await choose("Pager", "Send a test");
    await page.getByRole("region", { name: "Messages to Pager" }).first().getByText("pending").waitFor();
    await small.page.goto(page.url());
    await small.page.getByText("webhook.test").waitFor();
    await lookAtPage(small, "mobile-webhooks");
    await small.page.goto("/manage/alerts");
    await small.page.getByRole("button", { name: "Add rule" }).click();
    await small.page.getByLabel("Pager").waitFor();
    await lookAtPage(small, "mobile-alert-rule");
    await small.page.keyboard.press("Escape");
    await lookAtPage(small, "mobile-alerts");
    expect(small.complaints).toEqual([]);
  });
});
