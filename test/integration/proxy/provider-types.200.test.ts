import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LLMock } from "@copilotkit/aimock";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openGoogleTokenEndpoint } from "../../support/google-token-endpoint.ts";
import { openProviderFake, type ProviderFake } from "../../support/provider-fake.ts";
import { makeRecorded, recorded } from "../../support/recorded-answers.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

/** Somebody else's idea of every provider's wire. */
const mock = new LLMock({ port: 0 });
const google = openGoogleTokenEndpoint();
const ownFetch = globalThis.fetch;
const aws = {
  accessKeyId: "AKIAEXAMPLEEXAMPLE00",
  secretAccessKey: "secret-0123456789-0123456789-0123456789",
  region: "eu-west-1",
};
const environment = { AWS_ACCESS_KEY_ID: aws.accessKeyId, AWS_SECRET_ACCESS_KEY: aws.secretAccessKey };
const before = Object.fromEntries(Object.keys(environment).map((name) => [name, process.env[name]]));
const token = "token-of-the-operator-0123456789";

let gateway: TestGateway;
let fake: ProviderFake;
let key: string;
/** What the ledger must hold of the calls so far, in their order. */
const expected: Record<string, unknown>[] = [];

/** Each wire has its own names for the same counts. */
const usage = {
  ...{ prompt_tokens: 21, completion_tokens: 9, total_tokens: 30 },
  ...{ input_tokens: 21, output_tokens: 9 },
  ...{ promptTokenCount: 21, candidatesTokenCount: 9, totalTokenCount: 30 },
};

const openAiTypes = [
  ...[
    "openai",
    "openai_compatible",
    "deepseek",
    "fireworks",
    "groq",
    "hyperbolic",
    "mistral",
    "openrouter",
    "sglang",
    "tgi",
  ],
  ...["together", "vllm", "xai"],
];

function makeConfig(): string {
  const sections = openAiTypes.map((type) => [type, `api_base = "${mock.url}/v1"`]);
  sections.push(
    ["azure", `endpoint = "${mock.url}"\ndeployment_id = "dep"\napi_version = "2025-04-01-preview"`],
    ["anthropic", `api_base = "${mock.url}/v1"\nmodel_name = "claude-sonnet-4-5"`],
    ["google_ai_studio_gemini", `api_base = "${mock.url}/v1beta"\nmodel_name = "gemini-2.5-flash"`],
    // By the chain of the AWS SDK.
    [
      "aws_bedrock",
      `api_base = "${mock.url}"\nregion = "eu-west-1"\nmodel_id = "anthropic.claude-3-5-sonnet-20241022-v2:0"`,
    ],
    ["gcp_vertex_gemini", `api_base = "${mock.url}"\nlocation = "us-east5"\nmodel_id = "gemini-2.5-flash"`],
    [
      "gcp_vertex_anthropic",
      `api_base = "${fake.url}"\nlocation = "us-east5"\nmodel_id = "claude-sonnet-4-5@20250929"`,
    ],
  );
  const models = sections.map(([type = "", more = ""]) => {
    const location = type.startsWith("gcp_") ? "path::account.json" : "path::token";
    const credential = type === "aws_bedrock" ? "" : `api_key_location = "${location}"`;
    return `[models.${type}]\nrouting = ["p"]\n[models.${type}.providers.p]\ntype = "${type}"\n${more}\n${credential}
[prices.${type}]\ninput_usd_per_million = 1\noutput_usd_per_million = 2\ncached_input_usd_per_million = 0.1\ncache_write_usd_per_million = 3`;
  });
  return models.join("\n");
}

beforeAll(async () => {
  Object.assign(process.env, environment);
  globalThis.fetch = (input, init) =>
    String(input instanceof Request ? input.url : input).startsWith("https://oauth2.googleapis.com/")
      ? google.fetch(input, init)
      : ownFetch(input, init);
  mock.onMessage("hello", { content: "Grüße an alle 🌍", usage });
  mock.onMessage("weather", { toolCalls: [{ name: "weather", arguments: '{"city":"Paris"}' }], usage });
  await mock.start();
  fake = await openProviderFake({ token, aws, googleTokens: google.tokens });
  gateway = await openTestGateway({
    config: (folder) => {
      writeFileSync(join(folder, "token"), token);
      writeFileSync(join(folder, "account.json"), google.account);
      return makeConfig();
    },
  });
  ({ text: key } = await gateway.makeKey());
});

afterAll(async () => {
  await gateway.close();
  await mock.stop();
  await fake.close();
  globalThis.fetch = ownFetch;
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

function openClient(): OpenAI {
  return new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
}

const reported = {
  usage_source: "reported",
  status: 200,
  input_tokens: "21",
  output_tokens: "9",
  cost_nano_usd: "39000",
};
const types = [...openAiTypes, "azure", "anthropic", "google_ai_studio_gemini", "aws_bedrock", "gcp_vertex_gemini"];

describe.each(types)("%s, as aimock has it", (model) => {
  test("answers the OpenAI client, and each call is metered", async () => {
    const client = openClient();
    const messages = [{ role: "user" as const, content: "hello" }];
    const answer = await client.chat.completions.create({ model, messages });
    expect(answer.choices[0]?.message.content).toBe("Grüße an alle 🌍");
    expect(answer.choices[0]?.finish_reason).toBe("stop");
    expected.push({ ...reported, model, provider: "p", stream: false });

    let text = "";
    let total = 0;
    const stream = await client.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      total += chunk.usage?.total_tokens ?? 0;
    }
    // Mistral always reports the usage; aimock, where it is asked to.
    const isMistral = model === "mistral";
    expect([text, total]).toEqual(["Grüße an alle 🌍", isMistral ? 0 : 30]);
    expected.push({ ...(isMistral ? { usage_source: "estimated" } : reported), model, stream: true });
  });

  test("calls tools", async () => {
    const tools = [
      { type: "function" as const, function: { name: "weather", parameters: { type: "object", properties: {} } } },
    ];
    const messages = [{ role: "user" as const, content: "weather" }];
    const answer = await openClient().chat.completions.create({ model, messages, tools });
    const [call] = answer.choices[0]?.message.tool_calls ?? [];
    expect(call).toMatchObject({ type: "function", function: { name: "weather" } });
    expect(answer.choices[0]?.finish_reason).toBe("tool_calls");
    expected.push({ ...reported, model });
  });
});

const { input, cached, cacheWrite, hourWrite, output } = recorded.usage;
const recordedTokens = {
  input_tokens: String(input - cached - cacheWrite),
  cached_input_tokens: String(cached),
  cache_write_tokens: String(cacheWrite),
  hour_cache_write_tokens: String(hourWrite),
  output_tokens: String(output - recorded.usage.reasoning),
  reasoning_tokens: String(recorded.usage.reasoning),
  // What is kept for an hour costs 1.6 times the rest of the writes.
  cost_nano_usd: String(
    (input - cached - cacheWrite) * 1_000 +
      cached * 100 +
      (cacheWrite - hourWrite) * 3_000 +
      hourWrite * 4_800 +
      output * 2_000,
  ),
};

describe("gcp_vertex_anthropic, of which aimock has no shape", () => {
  test("answers a chat and a message, cached and written tokens at their own rates", async () => {
    const model = "gcp_vertex_anthropic";
    const answer = await openClient().chat.completions.create({
      model,
      messages: [{ role: "user", content: "hello" }],
    });
    expect(answer.choices[0]?.message.content).toBe(recorded.text.join(""));
    expected.push({ model, usage_source: "reported", ...recordedTokens });
    for (const stream of [false, true]) {
      const body = { model, max_tokens: 64, stream, messages: [{ role: "user", content: "hello" }] };
      const native = await gateway.call("/v1/messages", body, key);
      expect([native.status, (await native.text()).includes(recorded.text[0])]).toEqual([200, true]);
      expected.push({ model, stream, usage_source: "reported", ...recordedTokens });
    }
  });
});

describe("Anthropic's messages, as they are", () => {
  test.each(["anthropic", "aws_bedrock"])("%s", async (model) => {
    for (const stream of [false, true]) {
      const body = { model, max_tokens: 64, stream, messages: [{ role: "user", content: "hello" }] };
      // aimock's streams of Claude on Bedrock count no output.
      const output = stream && model === "aws_bedrock" ? "0" : "9";
      const native = await gateway.call("/v1/messages", body, key);
      const text = await native.text();
      expect(native.status).toBe(200);
      expect(text).toContain(stream ? "event: message_stop" : '"type":"message"');
      expected.push({
        model,
        stream,
        usage_source: "reported",
        input_tokens: "21",
        output_tokens: output,
      });
    }
  });
});

describe("a provider in another shape that breaks off in the middle", () => {
  const model = "gcp_vertex_anthropic";
  const messages = [{ role: "user", content: "hello" }];
  const { contentType, body } = makeRecorded("anthropic", "text", true);

  test.each([
    ["/v1/chat/completions", "[DONE]"],
    ["/v1/messages", "event: message_stop"],
  ])("%s: an error event, and no end", async (path, end) => {
    fake.reply = () => ({ headers: { "content-type": contentType }, body: body.subarray(0, body.length - 120) });
    const answer = await gateway.call(path, { model, max_tokens: 64, stream: true, messages }, key);
    const text = await answer.text();
    fake.reply = null;
    expect(answer.status).toBe(200);
    expect(text).toContain(recorded.text[0]);
    expect(text).not.toContain(end);
    expect(text.trimEnd().split("\n\n").at(-1)).toContain('"error"');
    expect(fake.calls.filter(({ path: called }) => called.includes("streamRawPredict")).length).toBeGreaterThan(0);
    expected.push({ model, stream: true, status: 502, code: "upstream_error", usage_source: "estimated" });
  });

  test("an error of its own reaches the client in its words, and costs nothing", async () => {
    const error = { code: 429, message: "Quota of projects/secret-project is used up.", status: "RESOURCE_EXHAUSTED" };
    fake.reply = () => ({ status: 429, body: Buffer.from(JSON.stringify([{ error }])) });
    const answer = await gateway.call("/v1/chat/completions", { model, messages }, key);
    fake.reply = null;
    expect(answer.status).toBe(429);
    expect(await answer.json()).toMatchObject({
      error: { message: "Quota of [removed] is used up.", type: "rate_limit_error", code: "RESOURCE_EXHAUSTED" },
    });
    expected.push({ model, status: 429, code: "upstream_error", cost_nano_usd: "0" });
  });
});

test("each call was metered, once and as the provider counted", async () => {
  const found = await gateway.listEvents(expected.length);
  expect(expected.length).toBeGreaterThan(50);
  expect(found).toMatchObject(expected);
});

test("no secret is in the log", () => {
  const log = gateway.logLines.join("\n");
  for (const secret of [token, aws.secretAccessKey, ...google.tokens, "PRIVATE KEY"]) expect(log).not.toContain(secret);
});
