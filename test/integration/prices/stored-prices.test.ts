import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const config = `
[models.plain]
routing = ["e"]
[models.plain.providers.e]
type = "echo"
[models.said]
routing = ["e"]
[models.said.providers.e]
type = "echo"
[prices.said]
input_usd_per_million = 3
output_usd_per_million = 4
[models.bare]
routing = ["v"]
[models.bare.providers.v]
type = "vllm"
api_base = "http://127.0.0.1:9/v1"
`;

let harness: AdminHarness;
let gateways: TestGateway[];
beforeAll(async () => {
  harness = await openAdminHarness();
  gateways = [
    await openTestGateway({ config, database: harness.test }),
    await openTestGateway({ config, database: harness.test }),
  ];
  const [first] = gateways;
  Object.assign(harness.context.config, {
    models: first?.config.models,
    prices: first?.config.prices,
    shorthands: first?.config.shorthands,
  });
}, 60_000);
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  await harness.close();
});

function findPrice(gateway: TestGateway, model: string) {
  const found = gateway.context.proxy.models.find(model);
  return found === null || "credentialMissing" in found ? undefined : found.targets[0]?.price;
}

const findInputs = (model: string) => gateways.map((gateway) => findPrice(gateway, model)?.input.base);
const rates = (input: string, output = "8") => ({ input_usd_per_million: input, output_usd_per_million: output });

describe("a stored price", () => {
  it("wins over config and catalogue on every gateway within a second, and not any more once it is deleted", async () => {
    const within = async (model: string, expected: bigint) => {
      const startedAt = performance.now();
      await waitUntil(() => findInputs(model).every((input) => input === expected), "the price holds", 5_000);
      expect(performance.now() - startedAt).toBeLessThan(1_000);
    };
    expect(findInputs("plain")).toEqual([1_000_000_000n, 1_000_000_000n]);
    expect(findInputs("said")).toEqual([3_000_000_000n, 3_000_000_000n]);
    for (const model of ["plain", "said", "echo::any"]) {
      const { id } = await harness.system.prices.put({ model, ...rates("7.123456789") });
      await within(model, 7_123_456_789n);
      expect((await harness.system.prices.put({ model, ...rates("9") })).id).toBe(id);
      await within(model, 9_000_000_000n);
      await harness.system.prices.delete({ price_id: id });
      await within(model, model === "said" ? 3_000_000_000n : 1_000_000_000n);
    }
  });

  it("is what a call costs that begins after it; one that had begun costs what it was admitted at", async () => {
    const [gateway] = gateways as [TestGateway];
    const key = await gateway.makeKey();
    const model = gateway.context.proxy.models.find("plain");
    await harness.system.prices.put({ model: "plain", ...rates("5", "6") });
    await waitUntil(() => findInputs("plain").every((input) => input === 5_000_000_000n), "the price holds", 5_000);
    // What a call holds that has its model already.
    expect(model !== null && "targets" in model && model.targets[0]?.price?.input.base).toBe(1_000_000_000n);
    const body = { model: "plain", messages: [{ role: "user", content: "12345678" }] };
    const answer = await gateway.call("/v1/chat/completions", body, key.text);
    expect(answer.status, await answer.text()).toBe(200);
    const [event] = await gateway.listEvents(1);
    const { input_tokens: input, output_tokens: output, cost_nano_usd: cost, price_id: priceId } = event ?? {};
    expect(BigInt(cost ?? -1)).toBe(BigInt(input ?? 0) * 5_000n + BigInt(output ?? 0) * 6_000n);
    expect(priceId).toMatch(/^stored:plain:[0-9a-f]{8}$/);
  });

  it("has an id for its rates: the same again is the same id, others another", async () => {
    const first = await harness.system.prices.put({ model: "ids", ...rates("1") });
    const second = await harness.system.prices.put({ model: "ids", ...rates("2") });
    await harness.system.prices.delete({ price_id: second.id });
    const third = await harness.system.prices.put({ model: "ids", ...rates("1.0") });
    expect(third.price_id).toBe(first.price_id);
    expect(second.price_id).not.toBe(first.price_id);
    expect(third.id).not.toBe(first.id);
  });

  it("that is typed by hand is heard, and one that nobody can read is told, left out, and can be replaced", async () => {
    const { sql } = harness.test.database;
    await sql`
      insert into model_price (id, model, body, updated_by) values
        ('price_good', 'bare', '{"input_usd_per_million": "2", "output_usd_per_million": "3"}', 'psql'),
        ('price_bad', 'said', '{"input_usd_per_million": "-2"}', 'psql')`;
    await waitUntil(() => findInputs("bare").every((input) => input === 2_000_000_000n), "the price holds", 5_000);
    expect(findInputs("said")).toEqual([3_000_000_000n, 3_000_000_000n]);
    for (const { logLines } of gateways) expect(logLines.filter((line) => line.includes("price_bad"))).not.toEqual([]);
    expect((await harness.system.prices.list({ model: "said" })).prices[0]).toMatchObject({
      stored: null,
      providers: [{ source: "config" }],
    });
    expect(await harness.system.prices.put({ model: "said", ...rates("1") })).toMatchObject({ id: "price_bad" });
    await sql`truncate model_price`;
    await waitUntil(() => findInputs("bare").every((input) => input === undefined), "no price holds", 5_000);
  });
});

describe("GET /admin/prices", () => {
  it("tells what each model costs, who says so, and which of those that are used have no price", async () => {
    const [gateway] = gateways as [TestGateway];
    const key = await gateway.makeKey();
    const body = { model: "bare", messages: [{ role: "user", content: "x" }] };
    const failed = await gateway.call("/v1/chat/completions", body, key.text);
    expect(failed.status).toBe(502);
    const { sql } = harness.test.database;
    await waitUntil(
      async () => (await sql`select from usage_event where model = 'bare'`).length > 0,
      "the event is there",
    );
    await harness.system.prices.put({ model: "plain", ...rates("5") });
    const admin = await harness.makeKey({ permissions: ["admin:keys"] });
    const answer = await harness.send("GET", "/admin/prices", admin.text);
    const prices = answer.body.prices as { model: string }[];
    expect(prices.map(({ model }) => model).slice(0, 3)).toEqual(["plain", "said", "bare"]);
    expect(prices[0]).toMatchObject({
      configured: true,
      stored: { input_usd_per_million: "5" },
      config: null,
      providers: [{ provider: "e", catalogue: { price_id: "builtin:echo" }, source: "stored", effective: rates("5") }],
      unpriced: false,
      recent: { unpriced_requests: 0 },
    });
    expect(prices[1]).toMatchObject({ stored: null, config: rates("3", "4"), providers: [{ source: "config" }] });
    const unpriced = await harness.send("GET", "/admin/prices?unpriced=true", admin.text);
    expect(unpriced.body.prices).toMatchObject([
      { model: "bare", unpriced: true, providers: [{ provider: "v", effective: null, source: null }] },
    ]);
  });

  it("refuses what is no price, and a key that has a budget itself", async () => {
    const admin = await harness.makeKey({ permissions: ["admin:keys"] });
    const put = (body: unknown) => harness.send("PUT", "/admin/prices", admin.text, body);
    for (const wrong of [
      { model: "plain", input_usd_per_million: "1" },
      { model: "plain", ...rates("0.0000000001") },
      { model: "plain", ...rates("-1") },
      { model: " plain", ...rates("1") },
      { model: "plain", ...rates("1"), per_call: 1 },
    ]) {
      expect((await put(wrong)).status, JSON.stringify(wrong)).toBe(422);
    }
    const budgeted = await harness.makeKey({
      permissions: ["admin:keys"],
      budgets: [{ limit_usd: "1", period: "day" }],
    });
    const price = { model: "plain", ...rates("0", "0") };
    expect((await harness.send("PUT", "/admin/prices", budgeted.text, price)).status).toBe(403);
    expect((await harness.send("GET", "/admin/prices/price_none", admin.text)).status).toBe(404);
  });
});

describe("GET /admin/price-catalogue", () => {
  it("finds models by words of their shorthands, with the prices that the catalogue has", async () => {
    const admin = await harness.makeKey({ permissions: ["admin:keys"] });
    const search = async (query: string) => {
      const { status, body } = await harness.send("GET", `/admin/price-catalogue${query}`, admin.text);
      expect(status, JSON.stringify(body)).toBe(200);
      return body as { models: { model: string; price: unknown }[]; total: number };
    };
    const all = await search("?limit=200");
    expect(all.models).toHaveLength(200);
    expect(all.total).toBeGreaterThan(500);
    const found = await search("?q=MINI%20openai::%20%20gpt-4.1");
    expect(found.total).toBe(found.models.length);
    expect(found.models.map(({ model }) => model)).toContain("openai::gpt-4.1-mini");
    for (const { model } of found.models) expect(model).toMatch(/^openai::.*mini/);
    expect(found.models.find(({ model }) => model === "openai::gpt-4.1-mini")?.price).toMatchObject({
      price_id: expect.stringMatching(/^genai-prices@[\d.]+:openai:gpt-4\.1-mini$/),
      input_usd_per_million: "0.4",
      output_usd_per_million: "1.6",
    });
    expect(await search("?q=no%20such%20model")).toEqual({ models: [], total: 0, next_cursor: null });
    expect((await harness.send("GET", "/admin/price-catalogue?limit=0", admin.text)).status).toBe(422);
  });
});
