import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeCredentialsSeedConfig, makeKeysSeedConfig } from "../../support/seed-config.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

const favoured = "abcdef012345";
let upstream: ScriptedUpstream;
let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: makeKeysSeedConfig(upstream.url, favoured) + makeCredentialsSeedConfig(upstream.url),
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const messages = [{ role: "user" as const, content: "Tell me a fun fact." }];

describe("the page on keys", () => {
  it("works for the OpenAI client for Node.js", async () => {
    const client = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/openai/v1` });
    const response = await client.chat.completions.create({
      model: "tensorzero::model_name::openai::gpt-5-mini",
      messages,
    });
    expect(response.choices[0]?.message.content).toBeTruthy();
    expect(response.model).toBe("tensorzero::model_name::openai::gpt-5-mini");
    expect(JSON.parse(upstream.log.at(-1)?.body ?? "{}")).toMatchObject({ model: "gpt-5-mini" });
  });

  it("works for plain HTTP", async () => {
    const response = await fetch(`${gateway.url}/inference`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model_name: "openai::gpt-5-mini", input: { messages } }),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ variant_name: "openai::gpt-5-mini", content: [{ type: "text" }] });
    // Whatever key comes with it, the provider is sent none: its own is `none` here.
    expect(upstream.log.at(-1)?.rawHeaders.map((text) => text.toLowerCase())).not.toContain("authorization");
  });

  it("limits each key to 100 inferences an hour, and the one that it names to 1000", async () => {
    const { text } = await gateway.makeKey({ publicId: favoured as never });
    const call = (bearer: string): Promise<Response> =>
      gateway.call("/inference", { model_name: "openai::gpt-5-mini", input: { messages } }, bearer);
    const limits = await Promise.all(
      [(await gateway.makeKey()).text, text].map(async (bearer) =>
        (await call(bearer)).headers.get("x-ratelimit-limit-requests"),
      ),
    );
    expect(limits).toEqual(["100", "1000"]);
    const other = (await gateway.makeKey()).text;
    const statuses = await Promise.all(Array.from({ length: 110 }, async () => (await call(other)).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    const refused = await call(other);
    expect([refused.status, Number(refused.headers.get("retry-after")) > 0]).toEqual([429, true]);
    expect(await refused.json()).toEqual({ error: expect.any(String) as string });
    expect((await call(text)).status).toBe(200);
  });
});

describe("the page on credentials", () => {
  const haiku = { input: { messages: [{ role: "user", content: "Write a haiku about artificial intelligence." }] } };

  it("sends the credential of the request to the provider, by the function's name and by the model's", async () => {
    for (const target of [{ function_name: "generate_haiku" }, { model_name: "user_gpt_4o_mini" }]) {
      const body = { ...target, ...haiku, credentials: { customer_openai_api_key: "sk-customer-0123456789" } };
      const response = await gateway.call("/inference", body, key);
      expect(response.status).toBe(200);
      const { rawHeaders = [], body: sent = "" } = upstream.log.at(-1) ?? {};
      expect(rawHeaders).toContain("Bearer sk-customer-0123456789");
      expect(JSON.parse(sent)).toMatchObject({ model: "gpt-4o-mini" });
    }
    const openAi = await gateway.call(
      "/openai/v1/chat/completions",
      {
        model: "tensorzero::function_name::generate_haiku",
        messages,
        "tensorzero::credentials": { customer_openai_api_key: "sk-other-0123456789" },
      },
      key,
    );
    expect(openAi.status).toBe(200);
    expect(upstream.log.at(-1)?.rawHeaders).toContain("Bearer sk-other-0123456789");
    expect(gateway.logLines.join("")).not.toMatch(/sk-(customer|other)-0123456789/);
  });

  it("refuses a request without it with 400, and names it", async () => {
    const before = upstream.log.length;
    const response = await gateway.call("/inference", { function_name: "generate_haiku", ...haiku }, key);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toContain("customer_openai_api_key");
    expect(upstream.log).toHaveLength(before);
  });
});
