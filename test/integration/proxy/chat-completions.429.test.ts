import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const messages = [{ role: "user", content: "Say something." }];
const path = "/v1/chat/completions";
let upstream: ScriptedUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: ["gpt-a", "gpt-a+status-500", "gpt-a+rate-20+tokens-40"]
      .map((name) => makeModelConfig(upstream.url, name, "retries = 0"))
      .join(""),
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const makeKey = async (rateLimits: Record<string, number>) => (await gateway.makeKey({ rateLimits })).text;
const call = (key: string, more: object = {}, model = "gpt-a") =>
  gateway.call(path, { model, messages, max_tokens: 10, ...more }, key);
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;

describe("requests over a limit of the key", () => {
  it("admits exactly the limit out of fifty at once, and tells when to come back", async () => {
    const key = await makeKey({ requests_per_minute: 10 });
    const served = upstream.log.length;
    const answers = await Promise.all(Array.from({ length: 50 }, () => call(key)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(40);
    expect(upstream.log.length - served).toBe(10);
    const waits = refused.map(({ headers }) => Number(headers.get("retry-after")));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...waits)).toBeLessThanOrEqual(67);
    // Those who were refused together do not come back together.
    expect(new Set(waits).size).toBeGreaterThan(1);
    const [first] = refused as [Response];
    expect(await codeOf(first)).toBe("rate_limit_exceeded");
    expect(first.headers.get("ratelimit-policy")).toBe('"requests_per_minute";q=10;w=60');
    expect(first.headers.get("ratelimit")).toMatch(/^"requests_per_minute";r=0;t=(60|5\d)$/);
  });

  it("tells limits and what remains on success, on streams too", async () => {
    const key = await makeKey({ requests_per_minute: 10, tokens_per_day: 5_000 });
    for (const stream of [false, true]) {
      const { status, headers } = await call(key, { stream });
      expect(status).toBe(200);
      expect(headers.get("x-ratelimit-limit-requests")).toBe("10");
      expect(headers.get("x-ratelimit-remaining-requests")).toBe(stream ? "8" : "9");
      expect(headers.get("x-ratelimit-reset-requests")).toMatch(/^(1m0s|59(\.\d)?s)$/);
      expect(headers.get("x-ratelimit-limit-tokens")).toBe("5000");
      expect(Number(headers.get("x-ratelimit-remaining-tokens"))).toBeLessThan(5_000);
    }
  });

  it("says nothing of limits to a key that has none", async () => {
    const { headers } = await call(await makeKey({}));
    expect([...headers.keys()].filter((name) => name.includes("ratelimit"))).toEqual([]);
  });

  it("settles tokens to what the provider reports", async () => {
    const key = await makeKey({ tokens_per_minute: 400 });
    const statuses: number[] = [];
    for (let index = 0; index < 3; index++) statuses.push((await call(key, { max_tokens: 250 })).status);
    // Each holds over 250 while it runs and gives back what it did not use.
    expect(statuses).toEqual([200, 200, 200]);
    const both = await Promise.all([call(key, { max_tokens: 250 }), call(key, { max_tokens: 250 })]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 429]);
    const refused = both.find(({ status }) => status === 429) as Response;
    expect(await codeOf(refused)).toBe("token_limit_exceeded");
  });

  it("holds nothing of tokens and cost after the provider failed", async () => {
    const key = await makeKey({ tokens_per_minute: 300, cost_per_day: 1 });
    for (let index = 0; index < 3; index++) {
      expect((await call(key, { max_tokens: 250 }, "gpt-a+status-500")).status).toBe(502);
    }
    const { status, headers } = await call(key, { max_tokens: 200 });
    expect(status).toBe(200);
    expect(headers.get("x-ratelimit-limit-tokens")).toBe("300");
  });

  it("holds the number of calls that run, and gives places back to the last one, also of clients that left", async () => {
    const key = await makeKey({ concurrent_requests: 2 });
    const slow = "gpt-a+rate-20+tokens-40";
    const leave = new AbortController();
    const running = [
      call(key, {}, slow),
      gateway.call(path, { model: slow, messages, stream: true }, key, { signal: leave.signal }),
    ];
    await running[1];
    await waitUntil(() => gateway.context.proxy.rateWindows.size > 0, "a call runs");
    const third = await call(key);
    expect(third.status).toBe(429);
    expect(await codeOf(third)).toBe("concurrency_limit_exceeded");
    expect(third.headers.get("retry-after")).toBe("1");
    leave.abort();
    expect((await running[0])?.status).toBe(200);
    await waitUntil(async () => (await call(key)).status === 200, "a place is free");
  });

  it("is RateLimitError to OpenAI's client", async () => {
    const key = await makeKey({ requests_per_hour: 0 });
    const client = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    const error = await client.chat.completions
      .create({ model: "gpt-a", messages: [{ role: "user", content: "Hi." }] })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
  });

  it("keeps counting when the key is changed", async () => {
    const { text, publicId } = await gateway.makeKey({ rateLimits: { requests_per_minute: 3 } });
    for (let index = 0; index < 3; index++) expect((await call(text)).status).toBe(200);
    await gateway.database.database.sql`
      update api_key set rate_limits = '{"requests_per_minute": 4}', version = version + 1 where public_id = ${publicId}`;
    await waitUntil(async () => (await call(text)).status === 200, "the new limit holds");
    expect((await call(text)).status).toBe(429);
  });
});
