import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { openProviders, type Providers } from "../../../server/providers/registry.ts";
import type { ProviderTarget } from "../../../server/providers/types.ts";
import { openProviderFake, type ProviderFake } from "../../support/provider-fake.ts";
import { recorded } from "../../support/recorded-answers.ts";
import { makeRequest, makeTarget } from "../../support/scripted-request.ts";
import { makeScriptedSink } from "../../support/scripted-sink.ts";

const token = "token-of-the-operator-0123456789";
const aws = {
  accessKeyId: "AKIAEXAMPLEEXAMPLE00",
  secretAccessKey: "secret-0123456789-0123456789-0123456789",
  region: "eu-west-1",
};

let fake: ProviderFake;
let providers: Providers;

beforeAll(async () => {
  fake = await openProviderFake({ token, aws, googleTokens: [] });
  providers = openProviders({ clock: openClock() });
});
beforeEach(() => {
  fake.calls.length = 0;
});
afterAll(async () => {
  await providers.close();
  await fake.close();
});

type Json = Record<string, unknown>;
type Type = "anthropic" | "aws_bedrock" | "google_ai_studio_gemini";

const targets: Readonly<Record<Type, Partial<ProviderTarget>>> = {
  anthropic: { basePath: "/v1", upstreamModel: "claude-sonnet-4-5", credential: new Secret(token) },
  aws_bedrock: {
    basePath: "",
    upstreamModel: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    aws: {
      region: aws.region,
      accessKeyId: new Secret(aws.accessKeyId),
      secretAccessKey: new Secret(aws.secretAccessKey),
      sessionToken: null,
    },
  },
  google_ai_studio_gemini: { basePath: "/v1beta", upstreamModel: "gemini-2.5-flash", credential: new Secret(token) },
};

/** What the provider was sent for a chat. */
async function send(type: Type, chat: Json, more: Partial<ProviderTarget> = {}): Promise<Json> {
  const sink = makeScriptedSink();
  const target = makeTarget(fake.url, { type, ...targets[type], ...more });
  providers
    .get(type)
    .send(target, makeRequest({ model: "m", messages: [{ role: "user", content: "hi" }], ...chat }), sink);
  expect((await sink.ended).end).toBe("end");
  expect([sink.status, sink.status === 200 ? "" : sink.text()]).toEqual([200, ""]);
  return fake.calls.at(-1)?.json ?? {};
}

const png = Buffer.from("picture").toString("base64");
const conversation = [
  { role: "system", content: [{ type: "text", text: "Be short.", cache_control: { type: "ephemeral" } }] },
  {
    role: "user",
    content: [
      { type: "text", text: "What is the weather here?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${png}`, detail: "low" } },
    ],
  },
  {
    role: "assistant",
    content: null,
    reasoning_content: recorded.thought,
    reasoning_details: [{ type: "reasoning.text", text: recorded.thought, signature: recorded.signature }],
    tool_calls: [
      {
        id: "call_1",
        type: "function",
        function: { name: "weather", arguments: '{"city":"Paris"}' },
        extra_content: { google: { thought_signature: recorded.signature } },
      },
    ],
  },
  { role: "tool", tool_call_id: "call_1", content: "sunny" },
  { role: "developer", content: "Be kind." },
];
const parameters = { type: "object", properties: { city: { type: "string" } } };
const full = {
  messages: conversation,
  tools: [{ type: "function", function: { name: "weather", description: "Says the weather.", parameters } }],
  tool_choice: { type: "function", function: { name: "weather" } },
  parallel_tool_calls: false,
  max_completion_tokens: 500,
  temperature: 0.5,
  stop: ["END"],
  seed: 7,
  user: "u",
  logprobs: true,
};

test("a whole conversation, in Anthropic's words", async () => {
  const sent = await send("anthropic", full);
  expect(sent).toMatchObject({
    model: "claude-sonnet-4-5",
    max_tokens: 500,
    temperature: 0.5,
    stop_sequences: ["END"],
    system: [
      { type: "text", text: "Be short.", cache_control: { type: "ephemeral" } },
      { type: "text", text: "Be kind." },
    ],
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "What is the weather here?" },
          { type: "image", source: { type: "base64", media_type: "image/png", data: png } },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: recorded.thought, signature: recorded.signature },
          { type: "tool_use", id: "call_1", name: "weather", input: { city: "Paris" } },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1" }] },
    ],
    tools: [{ name: "weather", description: "Says the weather.", input_schema: parameters }],
    tool_choice: { type: "tool", name: "weather", disable_parallel_tool_use: true },
  });
  expect(JSON.stringify(sent)).toContain("sunny");
  expect(fake.calls[0]?.headers["anthropic-version"]).toBe("2023-06-01");
});

test("a whole conversation, in the words of Bedrock's Converse", async () => {
  const sent = await send("aws_bedrock", full);
  expect(sent).toMatchObject({
    inferenceConfig: { maxTokens: 500, temperature: 0.5, stopSequences: ["END"] },
    messages: [
      {
        role: "user",
        content: [{ text: "What is the weather here?" }, { image: { format: "png", source: { bytes: png } } }],
      },
      {
        role: "assistant",
        content: [
          { reasoningContent: { reasoningText: { text: recorded.thought, signature: recorded.signature } } },
          { toolUse: { toolUseId: "call_1", name: "weather", input: { city: "Paris" } } },
        ],
      },
      { role: "user", content: [{ toolResult: { toolUseId: "call_1", content: [{ text: "sunny" }] } }] },
    ],
    toolConfig: { tools: [{ toolSpec: { name: "weather", inputSchema: { json: parameters } } }] },
    // Converse has no word for one call at a time.
    additionalModelRequestFields: { tool_choice: { type: "tool", name: "weather", disable_parallel_tool_use: true } },
  });
  const system = JSON.stringify(sent.system);
  for (const text of ["Be short.", "Be kind.", "cachePoint"]) expect(system).toContain(text);
});

test("a whole conversation, in Gemini's words", async () => {
  const sent = await send("google_ai_studio_gemini", full);
  expect(sent).toMatchObject({
    generationConfig: { maxOutputTokens: 500, temperature: 0.5, stopSequences: ["END"], seed: 7 },
    systemInstruction: { parts: [{ text: "Be short." }, { text: "Be kind." }] },
    toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["weather"] } },
  });
  const text = JSON.stringify(sent.contents);
  expect(text).toContain(`"thoughtSignature":"${recorded.signature}"`);
  for (const part of [png, "image/png", "functionCall", "functionResponse", "sunny"]) expect(text).toContain(part);
});

describe("how much to think", () => {
  const claude = async (chat: Json, more = {}): Promise<Json> =>
    send("anthropic", { reasoning_effort: "medium", ...chat }, more);

  test("is part of Claude's cap on output, never on top of it", async () => {
    expect(await claude({ max_tokens: 20_000 })).toMatchObject({
      max_tokens: 20_000,
      thinking: { type: "enabled", budget_tokens: 8_192 },
    });
    expect(await claude({ max_tokens: 3_000 })).toMatchObject({
      max_tokens: 3_000,
      thinking: { budget_tokens: 2_999 },
    });
    const small = await claude({ max_tokens: 1_000 });
    expect([small.max_tokens, (small.thinking as Json | undefined)?.type ?? "disabled"]).toEqual([1_000, "disabled"]);
  });

  test("is an effort for newer Claude models", async () => {
    const sent = await claude({ max_tokens: 1_000 }, { upstreamModel: "claude-opus-4-6" });
    expect(sent).toMatchObject({
      max_tokens: 1_000,
      thinking: { type: "adaptive" },
      output_config: { effort: "medium" },
    });
  });

  test("on Bedrock, the same", async () => {
    expect(await send("aws_bedrock", { reasoning_effort: "low", max_tokens: 4_000 })).toMatchObject({
      inferenceConfig: { maxTokens: 4_000 },
      additionalModelRequestFields: { thinking: { type: "enabled", budget_tokens: 1_024 } },
    });
  });

  test.each([
    ["gemini-2.5-flash", "high", { thinkingBudget: 24_576, includeThoughts: true }],
    ["gemini-2.5-flash", "none", { thinkingBudget: 0 }],
    ["gemini-3-pro-preview", "high", { thinkingLevel: "high", includeThoughts: true }],
  ])("%s, %s", async (upstreamModel, effort, thinkingConfig) => {
    const sent = await send("google_ai_studio_gemini", { reasoning_effort: effort }, { upstreamModel });
    expect(sent).toMatchObject({ generationConfig: { thinkingConfig } });
  });
});

describe("what an answer holds beside its text", () => {
  async function ask(type: Type, scenario: string): Promise<Json> {
    const sink = makeScriptedSink();
    const target = makeTarget(fake.url, { type, ...targets[type] });
    const messages = [{ role: "user", content: `play:${scenario}` }];
    providers.get(type).send(target, makeRequest({ model: "m", messages }), sink);
    await sink.ended;
    const { choices } = JSON.parse(sink.text()) as { choices: { message: Json }[] };
    return choices[0]?.message ?? {};
  }

  test.each(["anthropic", "aws_bedrock"] as const)("%s: the thought, with its signature", async (type) => {
    expect(await ask(type, "reasoning")).toMatchObject({
      content: recorded.text.join(""),
      reasoning_content: recorded.thought,
      reasoning_details: [{ type: "reasoning.text", text: recorded.thought, signature: recorded.signature }],
    });
  });

  test("Gemini: the thought, and the signature of a call", async () => {
    expect(await ask("google_ai_studio_gemini", "reasoning")).toMatchObject({ reasoning_content: recorded.thought });
    expect(await ask("google_ai_studio_gemini", "tools")).toMatchObject({
      tool_calls: [{ extra_content: { google: { thought_signature: recorded.signature } } }],
    });
  });
});

test("an address of an image is the provider's to fetch, or is refused: never fetched here", async () => {
  const messages = [{ role: "user", content: [{ type: "image_url", image_url: { url: `${fake.url}/picture.png` } }] }];
  const sent = await send("anthropic", { messages });
  expect(JSON.stringify(sent)).toContain(`"url":"${fake.url}/picture.png"`);
  const sink = makeScriptedSink();
  const target = makeTarget(fake.url, { type: "aws_bedrock", ...targets.aws_bedrock });
  providers.get("aws_bedrock").send(target, makeRequest({ model: "m", messages }), sink);
  await sink.ended;
  expect(sink.status).toBe(400);
  expect(fake.calls.map(({ path }) => path)).toEqual(["/v1/messages"]);
});
