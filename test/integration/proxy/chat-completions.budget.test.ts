import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Budget } from "../../../server/core/api-key.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const path = "/v1/chat/completions";
const messages = [{ role: "user", content: "Say something." }];
let upstream: ScriptedUpstream;
let gateway: TestGateway;
/** A model without a price, and one that has a priced provider behind an unpriced one. */
const unpriced = (name: string, url: string) => `
[models."${name}"]
routing = ["up"]
[models."${name}".providers.up]
type = "openai_compatible"
api_base = "${url}/v1"
api_key_location = "none"
`;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: [
      "[limits]\nbudget_exceeded_status = 402\n",
      ...["gpt-a", "gpt-a+status-500", "gpt-a+usage-lying", "gpt-a+first-300"].map((name) =>
        makeModelConfig(upstream.url, name, "retries = 0"),
      ),
      unpriced("gpt-free", upstream.url),
    ].join(""),
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const makeKey = (usd: number, more: Partial<Budget> = {}) =>
  gateway.makeKey({
    budgets: [{ limitNanoUsd: BigInt(Math.round(usd * 1e9)), period: "30d", ...more }],
    rateLimits: { requests_per_minute: 1_000 },
  });
const call = (key: { text: string }, more: object = {}, model = "gpt-a") =>
  gateway.call(path, { model, messages, max_tokens: 100, ...more }, key.text);

async function findWindow(key: { publicId: string }): Promise<{ settled: number; leased: number }> {
  await gateway.context.proxy.flusher.flush();
  const [row] = await gateway.database.database.sql`
    select settled_nano_usd, leased_nano_usd from budget_window where subject = ${key.publicId}`;
  return { settled: Number(row?.settled_nano_usd), leased: Number(row?.leased_nano_usd) };
}
/** Nothing is held but what this process keeps for the next call, which another process would be given. */
async function expectNothingHeld(key: { publicId: string }): Promise<void> {
  const { sql } = gateway.database.database;
  const rows = await sql<{ window_id: string }[]>`select window_id from budget_window where subject = ${key.publicId}`;
  for (const { window_id: id } of rows) await sql`select pg_notify('budget_pressure', ${`somebody ${id}`})`;
  await waitUntil(async () => (await findWindow(key)).leased === 0, "nothing stays leased", 5_000);
}

describe("a budget", () => {
  it("is charged with exactly what the calls cost, told on every answer, streams too", async () => {
    const key = await makeKey(1);
    let left = 1;
    for (const stream of [false, true, false]) {
      const response = await call(key, { stream, stream_options: stream ? { include_usage: true } : undefined });
      await response.text();
      expect(response.status).toBe(200);
      const remaining = Number(response.headers.get("x-tollgate-budget-remaining-usd"));
      // The cost of a stream is not known at its head: what is held for it counts as spent.
      const cost = stream ? left - remaining : Number(response.headers.get("x-tollgate-cost-usd"));
      expect(cost).toBeGreaterThan(0);
      expect(remaining).toBeCloseTo(left - cost, 9);
      await gateway.context.proxy.flusher.flush();
      left = 1 - (await findWindow(key)).settled / 1e9;
    }
    const events = await gateway.database.database.sql`
      select sum(cost_nano_usd) as cost from usage_event where public_id = ${key.publicId}`;
    expect((await findWindow(key)).settled).toBe(Number(events[0]?.cost));
  });

  it("refuses what it does not cover: the configured status, no figures, no retry, when it begins anew", async () => {
    const key = await makeKey(0.000_1);
    const served = upstream.log.length;
    const response = await call(key);
    expect(response.status).toBe(402);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(response.headers.get("retry-after")).toBeNull();
    const resetsAt = response.headers.get("x-tollgate-budget-resets-at") as string;
    expect(Date.parse(resetsAt) - Date.now()).toBeGreaterThan(29.9 * 86_400_000);
    const { error } = (await response.json()) as { error: Record<string, string> };
    expect(error).toEqual({
      code: "budget_exceeded",
      type: "insufficient_quota",
      param: null,
      message: `The 30d budget of this key does not cover this call; it begins anew at ${resetsAt}.`,
    });
    expect(upstream.log.length).toBe(served);
    // It did not count as a request either.
    const { headers } = await call(key, { max_tokens: 1 });
    expect(headers.get("x-ratelimit-remaining-requests")).toBe("999");
  });

  it("gives a call that names no cap the one that fits, at least 16 tokens", async () => {
    const key = await makeKey(0.001);
    const response = await call(key, { max_tokens: undefined });
    expect(response.status).toBe(200);
    const cap = Number(response.headers.get("x-tollgate-max-output-tokens"));
    const sent = upstream.log.at(-1);
    expect(JSON.parse(sent?.body ?? "{}")).toMatchObject({ max_tokens: cap });
    const bodyBytes = JSON.stringify({ model: "gpt-a", messages }).length;
    expect(cap).toBe(Math.floor((1_000_000 - bodyBytes * 1_000) / 2_000));
    const none = await makeKey(0.000_1);
    expect((await call(none, { max_tokens: undefined })).status).toBe(402);
  });

  it("lets a model without a price to keys without a budget only", async () => {
    const refused = await call(await makeKey(1), {}, "gpt-free");
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { code: "model_unpriced", param: "model" } });
    expect((await call(await gateway.makeKey(), {}, "gpt-free")).status).toBe(200);
  });

  it("gives back everything of a call whose provider failed or whose client left", async () => {
    const key = await makeKey(1);
    expect((await call(key, {}, "gpt-a+status-500")).status).toBe(502);
    expect(await findWindow(key)).toMatchObject({ settled: 0 });
    const leaving = new AbortController();
    const response = gateway.call(path, { model: "gpt-a+first-300", messages, max_tokens: 100 }, key.text, {
      signal: leaving.signal,
    });
    setTimeout(() => leaving.abort(), 100);
    await expect(response).rejects.toThrow("aborted");
    await waitUntil(async () => (await findWindow(key)).settled > 0, "the call is charged all the same");
    await expectNothingHeld(key);
  });

  it("charges in full what a provider reports beyond the bound, and admits nothing more", async () => {
    const key = await makeKey(0.000_13);
    const response = await call(key, { max_tokens: 10 }, "gpt-a+usage-lying");
    expect(response.status).toBe(200);
    const cost = Math.round(Number(response.headers.get("x-tollgate-cost-usd")) * 1e9);
    expect(cost).toBeGreaterThan(130_000);
    expect((await call(key, { max_tokens: 1 })).status).toBe(402);
    expect((await findWindow(key)).settled).toBe(cost);
    expect(gateway.logLines.some((line) => line.includes("budget_debt"))).toBe(true);
  });

  it("counts budgets of several periods of one key all, and refuses by the tightest", async () => {
    const key = await gateway.makeKey({
      budgets: [
        { limitNanoUsd: 1_000_000_000n, period: "month", timezone: "Europe/Berlin" },
        { limitNanoUsd: 400_000n, period: "day" },
        { limitNanoUsd: 1_000_000_000n, period: "total" },
      ],
    });
    const statuses: number[] = [];
    for (let index = 0; index < 12; index++) statuses.push((await call(key, { max_tokens: 60 })).status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(1);
    expect(statuses.at(-1)).toBe(402);
    await gateway.context.proxy.flusher.flush();
    const rows = await gateway.database.database.sql<{ settled_nano_usd: string; period: string }[]>`
      select period, settled_nano_usd from budget_window where subject = ${key.publicId} order by period`;
    expect(rows.map(({ period }) => period)).toEqual(["day", "month", "total"]);
    expect(new Set(rows.map(({ settled_nano_usd }) => settled_nano_usd)).size).toBe(1);
    expect(Number(rows[0]?.settled_nano_usd)).toBeLessThanOrEqual(400_000);
  });
});
