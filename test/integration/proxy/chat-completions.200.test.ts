import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

let upstream: ScriptedUpstream;
let gateway: TestGateway;
let key: string;
const messages = [{ role: "user", content: "Tell me a fun fact." }];

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({ config: makeModelConfig(upstream.url) });
  key = (await gateway.makeKey({ tags: { customer_id: "acme" } })).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

describe("POST /v1/chat/completions", () => {
  it("passes the answer on and meters it once", async () => {
    const before = (await gateway.listEvents(0)).length;
    const response = await gateway.call(
      "/v1/chat/completions",
      { model: "gpt-test", messages, tags: { customer_id: "other", job: "1" } },
      key,
    );
    const answer = (await response.json()) as { usage: { prompt_tokens: number; completion_tokens: number } };
    expect(response.status).toBe(200);
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(Number(response.headers.get("x-tollgate-overhead-ms"))).toBeGreaterThan(0);
    const [event] = (await gateway.listEvents(before + 1)).slice(before);
    const nano = BigInt(answer.usage.prompt_tokens) * 1000n + BigInt(answer.usage.completion_tokens) * 2000n;
    expect(event).toMatchObject({
      id: response.headers.get("x-request-id"),
      model: "gpt-test",
      provider: "up",
      status: 200,
      attempts: 1,
      usage_source: "reported",
      cost_nano_usd: String(nano),
      key_tags: { customer_id: "acme" },
      request_tags: { job: "1" },
    });
    expect(BigInt(event?.reserved_nano_usd ?? 0)).toBeGreaterThanOrEqual(nano);
    expect(Number(response.headers.get("x-tollgate-cost-usd"))).toBe(Number(nano) / 1e9);
    // Tags are ours: the provider does not see them.
    expect(upstream.log.at(-1)?.body).not.toContain("tags");
    expect(upstream.log.at(-1)?.requestId).toBe(response.headers.get("x-request-id"));
  });

  it("streams the upstream's bytes, hides the usage chunk that nobody asked for, and meters it", async () => {
    const before = (await gateway.listEvents(0)).length;
    const response = await gateway.call("/v1/chat/completions", { model: "gpt-test", messages, stream: true }, key);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
    expect(text).not.toContain('"prompt_tokens"');
    const [event] = (await gateway.listEvents(before + 1)).slice(before);
    expect(event).toMatchObject({ stream: true, usage_source: "reported", status: 200 });
    expect(Number(event?.output_tokens)).toBe(upstream.log.at(-1)?.completionTokens);
    expect(JSON.parse(upstream.log.at(-1)?.body ?? "{}")).toMatchObject({ stream_options: { include_usage: true } });
  });

  it("answers the same under /openai/v1 and with TensorZero's spelling of the model", async () => {
    const before = (await gateway.listEvents(0)).length;
    const response = await gateway.call(
      "/openai/v1/chat/completions",
      { model: "tensorzero::model_name::gpt-test", messages },
      key,
    );
    expect(response.status).toBe(200);
    expect(upstream.log.at(-1)?.model).toBe("gpt-test");
    const [event] = (await gateway.listEvents(before + 1)).slice(before);
    expect(event?.model).toBe("gpt-test");
  });
});
