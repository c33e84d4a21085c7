import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findApiKey } from "../../db/queries/find-api-key.ts";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import type { PublicId } from "../../server/core/api-key.ts";
import { makeKeyWindows } from "../../server/core/key-budgets.ts";
import { openDashboard, signInAsAdmin } from "../support/dashboard.ts";
import { makeUsageEvent } from "../support/make-usage-event.ts";
import { makeSeededRandom } from "../support/seeded-random.ts";

/** `npm run screenshots`: the pictures of README.md and docs, from a gateway with made-up keys and calls. */
const folder = fileURLToPath(new URL("../../docs/images", import.meta.url));
const hourMs = 3_600_000;

const keys = [
  { alias: "support-assistant", type: "production", budget: "250", spent: 0.41, rpm: 600, models: ["openai::gpt-5*"] },
  { alias: "search-reranker", type: "production", budget: "80", spent: 0.93, rpm: 300, models: ["*"] },
  { alias: "billing-nightly", type: "production", budget: "40", spent: 1, rpm: 60, models: ["anthropic::*"] },
  { alias: "web-shop", type: "client", budget: "25", spent: 0.22, rpm: 100, models: ["openai::gpt-5-mini"] },
  { alias: "my-laptop", type: "development", budget: "5", spent: 0.08, rpm: 60, models: ["*"] },
] as const;

test("takes the pictures", async () => {
  const dashboard = await openDashboard();
  try {
    const { gateway } = dashboard;
    const { sql } = gateway.database.database;
    const random = makeSeededRandom(7);
    const made: string[] = [];
    for (const key of keys) {
      const { publicId } = await gateway.makeKey({
        alias: key.alias,
        type: key.type,
        description: `${key.alias} of the example company`,
        models: key.models,
        budgets: [{ limit_usd: key.budget, period: "month" }],
        rate_limits: { requests_per_minute: key.rpm },
        ...(key.type === "client" ? { allowed_origins: ["https://shop.example.com"] } : {}),
      });
      made.push(publicId);
      const nowMs = Date.now();
      const calls = Array.from({ length: 900 }, () => {
        const agoMs = random.next() * 24 * hourMs;
        const latencyMs = 200 + random.next() ** 3 * 3_000;
        return makeUsageEvent(nowMs - agoMs, {
          publicId: publicId as PublicId,
          model: random.pick(["openai::gpt-5-mini", "openai::gpt-5", "anthropic::claude-sonnet-5"]),
          status: random.next() < 0.03 ? 502 : 200,
          latencyMs,
          firstTokenMs: latencyMs / 4,
          costNanoUsd: BigInt(Math.floor(random.next() * 40_000_000)),
          clientIp: `203.0.113.${Math.floor(random.next() * 200)}`,
        });
      });
      await insertUsageEvents(sql, `picture-${key.alias}`, calls);
      const nano = BigInt(Math.round(Number(key.budget) * key.spent * 1e9));
      await sql`update api_key set last_used_at = now() - interval '2 minutes' where public_id = ${publicId}`;
      const stored = await findApiKey(sql, publicId, { ownerId: null });
      if (stored === null) throw new Error("the key was just made");
      for (const { id, terms, startMs, endMs } of makeKeyWindows(stored, nowMs)) {
        await sql`
          insert into budget_window (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd, settled_nano_usd,
            terms_version)
          values (${id}, 'key', ${publicId}, ${terms.period}, 'UTC', ${new Date(startMs).toISOString()}, ${new Date(endMs).toISOString()},
            ${terms.limitNanoUsd.toString()}, ${nano.toString()}, 1)`;
      }
    }
    const { page, complaints } = await dashboard.openPage({ width: 1280, height: 760 });
    await signInAsAdmin(dashboard, page);
    await page.getByRole("meter", { name: "Budget of support-assistant" }).waitFor();
    await page.screenshot({ path: join(folder, "keys.png") });
    await page.goto(`/api-keys/${made[0]}`);
    await page.getByRole("img", { name: /^Requests, 24 h/ }).waitFor();
    await page.waitForTimeout(1_500);
    await page.screenshot({ path: join(folder, "key.png") });
    await page.goto("/api-keys?create=true");
    await page.getByRole("dialog").getByLabel("Alias").fill("prod-backend");
    await page.screenshot({ path: join(folder, "create.png") });
    expect(complaints).toEqual([]);
  } finally {
    await dashboard.close();
  }
});
