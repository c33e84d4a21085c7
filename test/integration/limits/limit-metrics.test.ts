import { afterEach, describe, expect, it } from "vitest";
import { findRedisLane, openRedisServer, type RedisServer } from "../../support/redis-server.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

let gateway: TestGateway;
let redis: RedisServer | null = null;
afterEach(async () => {
  await gateway.close();
  await redis?.stop();
  redis = null;
});

/** What `/metrics` says now; 0 of what it does not say. */
async function read(name: string): Promise<number> {
  const line = (await gateway.context.metrics.text()).split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

const body = { model: "echo::x", messages: [{ role: "user", content: "one" }], max_tokens: 16 };
const call = async (key: string): Promise<number> => {
  const response = await gateway.call("/v1/chat/completions", body, key);
  await response.arrayBuffer();
  return response.status;
};

describe.each(findRedisLane() ? ["Redis"] : [])("the metrics of limits with %s", () => {
  it("tell whether the rates are shared, each loss of it, and each counter that the ledger filled", async () => {
    redis = await openRedisServer();
    gateway = await openTestGateway({ redisUrl: redis.url });
    const { text } = await gateway.makeKey({ rateLimits: { requests_per_minute: 10 } });
    expect(await call(text)).toBe(200);
    expect(await read("tollgate_rate_windows_shared")).toBe(1);
    expect(await read("tollgate_rate_seeds_total")).toBe(1);
    expect(await read("tollgate_rate_breaker_openings_total")).toBe(0);

    await redis.kill();
    await waitUntil(async () => (await read("tollgate_rate_windows_shared")) === 0, "the loss is told", 3_000);
    expect(await call(text)).toBe(200);
    expect(await read("tollgate_rate_breaker_openings_total")).toBe(1);
    expect(await read("tollgate_rate_seeds_total")).toBe(2);
    expect(await read("tollgate_rate_seed_failures_total")).toBe(0);

    await redis.start();
    await waitUntil(async () => (await read("tollgate_rate_windows_shared")) === 1, "it is back", 5_000);
    expect(await read("tollgate_rate_breaker_openings_total")).toBe(1);
  });
});

describe("the metrics of limits", () => {
  it("tell which level of budget refused, and how many processes live", async () => {
    gateway = await openTestGateway({ config: `[[budgets]]\nlimit_usd = 1_000\nperiod = "total"\n` });
    const { text } = await gateway.makeKey({ budgets: [{ limitNanoUsd: 1n, period: "total" }] });
    const other = await gateway.makeKey({ budgets: [{ limitNanoUsd: 1_000_000_000n, period: "total" }] });
    expect(await call(other.text)).toBe(200);
    expect(await call(text)).toBe(429);
    expect(await read('tollgate_budget_refusals_total{level="key",reason="exhausted"}')).toBe(1);
    expect(await read('tollgate_budget_refusals_total{level="deployment",reason="exhausted"}')).toBe(0);
    expect(await read("tollgate_lease_processes_live")).toBe(1);
    expect(await read("tollgate_rate_windows_shared")).toBe(1);
  });
});
