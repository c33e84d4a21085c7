import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

const model = "gpt-test";
const spelled = `tensorzero::model_name::${model}`;
const messages = [{ role: "user" as const, content: "Tell me a fun fact." }];
const functions = `
[functions.basic_test]
type = "chat"
[functions.basic_test.variants.test]
model = "${model}"
system_text = "Be kind."
`;

let upstream: ScriptedUpstream;
let gateway: TestGateway;
let key: string;
let client: OpenAI;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: `${fastFlush}${makeModelConfig(upstream.url, model, "retries = 0")}${functions}`,
  });
  key = (await gateway.makeKey()).text;
  client = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/openai/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const readSent = (): Record<string, unknown> => JSON.parse(upstream.log.at(-1)?.body ?? "{}") as never;
const call = (body: object): Promise<Response> => gateway.call("/openai/v1/chat/completions", body, key);

interface Extra {
  episode_id: string;
  usage: { tensorzero_cost: number | null };
}

describe("the OpenAI client before TensorZero's address, with its spelling of models", () => {
  it("gets the answer with TensorZero's own fields", async () => {
    const { data, response } = await client.chat.completions.create({ model: spelled, messages }).withResponse();
    const answer = data as typeof data & Extra;
    expect(answer.id).toBe(response.headers.get("x-request-id"));
    expect(answer.model).toBe(spelled);
    expect(answer.episode_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.choices[0]?.message.role).toBe("assistant");
    const cost = Number(response.headers.get("x-tollgate-cost-usd"));
    expect(answer.usage.tensorzero_cost).toBeCloseTo(cost, 12);
    expect(cost).toBeGreaterThan(0);
    expect(readSent().model).toBe(model);
    expect(await findEventOf(gateway, response)).toMatchObject({ model, endpoint: "chat_completions" });
  });

  it("streams, with the usage only where it was asked for", async () => {
    const read = async (includeUsage: boolean): Promise<OpenAI.ChatCompletionChunk[]> => {
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      const stream = await client.chat.completions.create({
        model: spelled,
        messages,
        stream: true,
        ...(includeUsage ? { stream_options: { include_usage: true } } : {}),
      });
      for await (const chunk of stream) chunks.push(chunk);
      return chunks;
    };
    const plain = await read(false);
    expect(plain.every((chunk) => chunk.choices.length === 1 && chunk.model === spelled)).toBe(true);
    const told = await read(true);
    expect(told.at(-1)).toMatchObject({ choices: [], usage: { tensorzero_cost: expect.any(Number) as number } });
    const whole = await client.chat.completions.create({ model: spelled, messages });
    const text = plain.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    expect(text).toBe(whole.choices[0]?.message.content);
  });

  it("calls functions, and says which variant answered", async () => {
    const response = await call({ model: "tensorzero::function_name::basic_test", messages });
    expect(await response.json()).toMatchObject({
      model: "tensorzero::function_name::basic_test::variant_name::test",
    });
    expect(readSent().messages).toEqual([{ role: "system", content: "Be kind." }, ...messages]);
  });

  it("takes TensorZero's fields and sends none of them on", async () => {
    const episode = "01a216bb-c298-7bcf-9a2f-9a2f30ce9440";
    const secret = "sk-dynamic-0987654321";
    const response = await call({
      model: spelled,
      messages,
      max_tokens: 50,
      max_completion_tokens: 40,
      seed: 7,
      "tensorzero::tags": { customer: "c1" },
      "tensorzero::episode_id": episode,
      "tensorzero::credentials": { some_key: secret },
      "tensorzero::dryrun": false,
      "tensorzero::cache_options": { enabled: "on" },
      "tensorzero::params": { chat_completion: { temperature: 0.2 } },
      "tensorzero::extra_body": [],
    });
    expect(await response.json()).toMatchObject({ episode_id: episode });
    expect(readSent()).toEqual({ model, messages, max_tokens: 40, seed: 7, temperature: 0.2 });
    expect(await findEventOf(gateway, response)).toMatchObject({ request_tags: { customer: "c1" } });
    expect(JSON.stringify(upstream.log) + gateway.logLines.join("")).not.toContain(secret);
  });

  it.each([
    ["an empty function", { model: "tensorzero::function_name::" }, 400, "model"],
    ["no model", {}, 400, "model"],
    ["another spelling", { model: "tensorzero::nope::x" }, 400, "model"],
    ["an unknown function", { model: "tensorzero::function_name::nope" }, 404, "model"],
    [
      "an unknown variant",
      { model: "tensorzero::function_name::basic_test", "tensorzero::variant_name": "x" },
      404,
      "variant_name",
    ],
    ["a variant of a model", { model: spelled, "tensorzero::variant_name": "x" }, 400, "tensorzero::variant_name"],
    [
      "a field that is not supported",
      { model: spelled, "tensorzero::extra_body": [{}] },
      400,
      "tensorzero::extra_body",
    ],
    ["an unknown field", { model: spelled, "tensorzero::nope": 1 }, 400, "tensorzero::nope"],
    ["an odd episode", { model: spelled, "tensorzero::episode_id": "0" }, 400, "tensorzero::episode_id"],
  ])("refuses %s, and names it", async (_what, body, status, param) => {
    const response = await call({ messages, ...body });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { param, message: expect.any(String) as string } });
  });

  it("holds an allowlist against the one name of the model, whatever its spelling", async () => {
    const narrow = (await gateway.makeKey({ models: [model] })).text;
    for (const [name, status] of [
      [spelled, 200],
      [model, 200],
      ["tensorzero::function_name::basic_test", 200],
      ["tensorzero::model_name::echo::x", 403],
    ] as const) {
      const response = await gateway.call("/openai/v1/chat/completions", { model: name, messages }, narrow);
      expect([name, response.status]).toEqual([name, status]);
    }
    const found = await gateway.call(`/openai/v1/models/${encodeURIComponent(spelled)}`, undefined, narrow, {
      method: "GET",
      body: null,
    });
    expect([found.status, ((await found.json()) as { id: string }).id]).toEqual([200, model]);
  });

  it("makes embeddings", async () => {
    const { data, response } = await client.embeddings
      .create({ model: `tensorzero::embedding_model_name::${model}`, input: "one", encoding_format: "float" })
      .withResponse();
    expect(data.model).toBe(`tensorzero::embedding_model_name::${model}`);
    expect(data.data[0]?.embedding).toHaveLength(8);
    expect((data as unknown as Extra).usage.tensorzero_cost).toBeGreaterThan(0);
    expect(readSent().model).toBe(model);
    expect(await findEventOf(gateway, response)).toMatchObject({ endpoint: "embeddings", model });
  });
});

describe("POST /cloud/ai/infer", () => {
  it("answers the page's example as a chat completion", async () => {
    const body = { model: "echo::gemini-2.5-flash", messages: [{ role: "user", content: "Hello!" }] };
    const response = await gateway.call("/cloud/ai/infer", body, key);
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { object: "chat.completion", choices: [{ message: { role: "assistant", content: "Hello!" } }] },
    ]);
    expect((await gateway.call("/cloud/ai/infer", body, "bad")).status).toBe(401);
    expect((await gateway.call("/cloud/ai/infer", { model: 1 }, key)).status).toBe(400);
  });
});
