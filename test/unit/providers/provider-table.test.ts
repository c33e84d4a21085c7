import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ProviderType, providerTypes } from "../../../server/core/provider-type.ts";
import { Secret } from "../../../server/core/secret.ts";
import { parseOpenAiUsage } from "../../../server/core/usage-report.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { loadConfig, type ProviderConfig } from "../../../server/platform/config.ts";
import {
  hasFeature,
  makeFeatureTest,
  type ProviderFeature,
  providerFeatures,
} from "../../../server/providers/provider-features.ts";
import { openProviders, type Providers } from "../../../server/providers/registry.ts";
import { makeTargetAddress } from "../../../server/providers/target-address.ts";
import type { ProviderTarget, UpstreamRequest } from "../../../server/providers/types.ts";
import { type GoogleTokenEndpoint, openGoogleTokenEndpoint } from "../../support/google-token-endpoint.ts";
import { fakeModels, openProviderFake, type ProviderFake } from "../../support/provider-fake.ts";
import { type RecordedScenario, recorded } from "../../support/recorded-answers.ts";
import { makeRequest, makeTarget } from "../../support/scripted-request.ts";
import { makeScriptedSink } from "../../support/scripted-sink.ts";

const token = "token-of-the-operator-0123456789";
const aws = {
  accessKeyId: "AKIAEXAMPLEEXAMPLE00",
  secretAccessKey: "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00",
  sessionToken: "session-0123456789",
  region: "eu-central-1",
};
const types = Object.keys(providerTypes) as ProviderType[];

let google: GoogleTokenEndpoint;
let fake: ProviderFake;
let providers: Providers;

beforeAll(async () => {
  google = openGoogleTokenEndpoint();
  fake = await openProviderFake({ token, aws, googleTokens: google.tokens });
  providers = openProviders({ clock: openClock(), googleFetch: google.fetch });
});
beforeEach(() => {
  fake.calls.length = 0;
  fake.reply = null;
});
afterAll(async () => {
  await providers.close();
  await fake.close();
});

const bases: Readonly<Partial<Record<ProviderType, string>>> = {
  azure: "",
  aws_bedrock: "",
  gcp_vertex_anthropic: "",
  gcp_vertex_gemini: "",
  google_ai_studio_gemini: "/v1beta",
};

function makeFakeTarget(type: ProviderType): ProviderTarget {
  if (type === "echo") return makeTarget(null, { upstreamModel: "demo" });
  const upstreamModel = fakeModels[type] ?? "some-model";
  const { credentialKind } = providerTypes[type];
  const vertex = credentialKind === "service_account" ? { projectId: "test-project", location: "us-east5" } : null;
  const region = credentialKind === "aws" ? aws.region : null;
  const options: ProviderConfig["options"] = { region, vertex, apiVersion: null };
  return makeTarget(fake.url, {
    type,
    upstreamModel,
    ...makeTargetAddress({ type, apiBase: `${fake.url}${bases[type] ?? "/v1"}`, options }, upstreamModel),
    credential: { token: new Secret(token), service_account: new Secret(google.account), aws: null }[credentialKind],
    aws: region === null ? null : { region, ...makeAwsKeys() },
    vertex,
  });
}

function makeAwsKeys() {
  const { accessKeyId, secretAccessKey, sessionToken } = aws;
  return {
    accessKeyId: new Secret(accessKeyId),
    secretAccessKey: new Secret(secretAccessKey),
    sessionToken: new Secret(sessionToken),
  };
}

type Json = Record<string, unknown>;

async function ask(type: ProviderType, request: UpstreamRequest): Promise<{ status: number; text: string }> {
  const sink = makeScriptedSink();
  providers.get(type).send(makeFakeTarget(type), request, sink);
  const { end } = await sink.ended;
  expect(end).toBe("end");
  return { status: sink.status, text: sink.text() };
}

const weather = {
  type: "function",
  function: {
    name: recorded.tool.name,
    description: "Says the weather.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

function makeChatRequest(scenario: RecordedScenario, more: Json = {}): UpstreamRequest {
  const messages = [
    { role: "system", content: "Be short." },
    { role: "user", content: `play:${scenario}` },
  ];
  return makeRequest({ model: "some-model", messages, ...more });
}

async function chat(type: ProviderType, scenario: RecordedScenario, more: Json = {}): Promise<Json> {
  const { status, text } = await ask(type, makeChatRequest(scenario, more));
  expect(`${status} ${status === 200 ? "" : text}`).toBe("200 ");
  return JSON.parse(text) as Json;
}

function messageOf(answer: Json): Json {
  return (answer.choices as { message: Json }[])[0]?.message as Json;
}

function listChunks(text: string): Json[] {
  const events = text.split("\n\n").filter((event) => event !== "");
  expect(events.pop()).toBe("data: [DONE]");
  return events.map((event) => JSON.parse(event.replace(/^data: /, "")) as Json);
}

function deltasOf(chunks: Json[]): Json[] {
  return chunks.flatMap(({ choices }) => (choices as { delta: Json }[]).map(({ delta }) => delta));
}

const isOpenAi = (type: ProviderType): boolean => providerTypes[type].wire === "openai";
const countsCacheWrites = (type: ProviderType): boolean =>
  isOpenAi(type) || type.includes("anthropic") || type === "aws_bedrock";

const checks: Readonly<Record<ProviderFeature, (type: ProviderType) => Promise<void>>> = {
  async chat(type) {
    const answer = await chat(type, "text");
    const expected = type === "echo" ? "play:text" : recorded.text.join("");
    expect(messageOf(answer)).toMatchObject({ role: "assistant", content: expected });
    expect(answer).toMatchObject({ object: "chat.completion", choices: [{ index: 0, finish_reason: "stop" }] });
  },

  async stream(type) {
    const { text } = await ask(
      type,
      makeChatRequest("text", { stream: true, stream_options: { include_usage: true } }),
    );
    const chunks = listChunks(text);
    const deltas = deltasOf(chunks);
    expect(deltas[0]?.role).toBe("assistant");
    const expected = type === "echo" ? "play:text" : recorded.text.join("");
    expect(deltas.map(({ content }) => content ?? "").join("")).toBe(expected);
    expect(chunks.at(-2)).toMatchObject({ choices: [{ finish_reason: "stop" }] });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: {} });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  },

  async tools(type) {
    const choice = { type: "function", function: { name: recorded.tool.name } };
    const more = { tools: [weather], ...(type === "echo" ? { tool_choice: choice } : {}) };
    const answer = await chat(type, "tools", more);
    const [call] = messageOf(answer).tool_calls as { id: string; function: { name: string; arguments: string } }[];
    expect(answer).toMatchObject({ choices: [{ finish_reason: "tool_calls" }] });
    expect(call?.function.name).toBe(recorded.tool.name);
    const args = type === "echo" ? {} : recorded.tool.arguments;
    expect(JSON.parse(call?.function.arguments ?? "")).toEqual(args);
    const { text } = await ask(type, makeChatRequest("tools", { ...more, stream: true }));
    const pieces = deltasOf(listChunks(text)).flatMap((delta) => (delta.tool_calls ?? []) as { function: Json }[]);
    expect(pieces[0]).toMatchObject({ index: 0, id: expect.any(String), function: { name: recorded.tool.name } });
    expect(JSON.parse(pieces.map((piece) => String(piece.function.arguments ?? "")).join(""))).toEqual(args);
    if (type === "echo") return;
    const messages = [
      { role: "user", content: "play:text" },
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: call?.id, content: "sunny" },
    ];
    expect(messageOf(await chat(type, "text", { messages, tools: [weather] })).content).toBe(recorded.text.join(""));
    const sent = fake.calls.at(-1)?.body.toString() ?? "";
    expect(sent).toContain("sunny");
    expect(sent).toContain("Paris");
  },

  async JSON(type) {
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const format = { type: "json_schema", json_schema: { name: "place", schema } };
    const answer = await chat(type, "json", { response_format: format });
    expect(JSON.parse(String(messageOf(answer).content))).toEqual({ city: "Paris" });
    expect(answer).toMatchObject({ choices: [{ finish_reason: "stop" }] });
    const { text } = await ask(type, makeChatRequest("json", { response_format: format, stream: true }));
    const written = deltasOf(listChunks(text)).map(({ content }) => content ?? "");
    expect(JSON.parse(written.join(""))).toEqual({ city: "Paris" });
    // Whatever the provider calls it, the schema is there.
    expect(fake.calls.at(-1)?.body.toString()).toContain('"city"');
  },

  async images(type) {
    const data = Buffer.from("picture").toString("base64");
    const image = { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } };
    const content = [{ type: "text", text: "play:text" }, image];
    await chat(type, "text", { messages: [{ role: "user", content }] });
    const sent = fake.calls.at(-1)?.body.toString() ?? "";
    expect(sent).toContain(data);
    expect(sent).toContain("png");
  },

  async embeddings(type) {
    const { status, text } = await ask(type, makeRequest({ model: "some-model", input: "hello" }, "embeddings"));
    expect(status).toBe(200);
    const { data, usage } = JSON.parse(text) as { data: { embedding: number[] }[]; usage: unknown };
    expect(data[0]?.embedding.length).toBeGreaterThan(1);
    expect(parseOpenAiUsage(usage)).toMatchObject({ ok: true });
  },

  async usage(type) {
    const { usage } = await chat(type, "text");
    const { text } = await ask(
      type,
      makeChatRequest("text", { stream: true, stream_options: { include_usage: true } }),
    );
    expect(listChunks(text).at(-1)?.usage).toEqual(usage);
    const read = parseOpenAiUsage(usage);
    expect(read.ok).toBe(true);
    if (!read.ok || type === "echo") return;
    const { inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens } = read.usage;
    expect(inputTokens + cachedInputTokens + cacheWriteTokens).toBe(recorded.usage.input);
    expect(outputTokens + reasoningTokens).toBe(recorded.usage.output);
    // Converse does not count them apart.
    expect(reasoningTokens).toBe(type === "aws_bedrock" ? 0 : recorded.usage.reasoning);
  },

  async "cached tokens"(type) {
    const { usage } = await chat(type, "text");
    expect(parseOpenAiUsage(usage)).toMatchObject({
      ok: true,
      usage: {
        cachedInputTokens: recorded.usage.cached,
        cacheWriteTokens: countsCacheWrites(type) ? recorded.usage.cacheWrite : 0,
      },
    });
  },
};

/** The variables that the type's default names; the first one is preferred. */
function listVariables(type: ProviderType): string[] {
  const { credential } = providerTypes[type];
  const places = typeof credential === "string" ? [credential] : [credential.default, credential.fallback];
  return places.flatMap((place) => (place.startsWith("env::") ? [place.slice(5)] : []));
}

function findShorthand(type: ProviderType, env: Record<string, string>): ProviderConfig | undefined {
  return loadConfig({ env, readOnly: true }).shorthands.get(type);
}

describe.each(types)("%s", (type) => {
  const present = providerFeatures.filter((feature) => hasFeature(type, feature));
  test.each(present.map((feature) => [makeFeatureTest(type, feature), feature] as const))("%s", async (_, feature) => {
    await checks[feature](type);
  });

  const absent = ["embeddings" as const].filter((name) => !hasFeature(type, name) && !isOpenAi(type));
  test.each(absent)(`${type} has no %s, and says so`, async (endpoint) => {
    const { status, text } = await ask(type, makeRequest({ model: "some-model", input: "hello" }, endpoint));
    expect(status).toBe(404);
    expect(text).toContain(`have no ${endpoint}`);
    expect(fake.calls).toEqual([]);
  });

  test(makeFeatureTest(type, "credential default"), () => {
    const variables = listVariables(type);
    const place = { AWS_REGION: "eu-central-1", GOOGLE_CLOUD_PROJECT: "p" };
    for (const [index, name] of variables.entries()) {
      const later = Object.fromEntries(variables.slice(index + 1).map((other) => [other, "other-secret"]));
      const found = findShorthand(type, { ...later, [name]: "the-secret" });
      if (found === undefined) expect(providerTypes[type].needsApiBase).toBe(true);
      else expect(found.credential?.reveal()).toBe("the-secret");
    }
    const without = findShorthand(type, place);
    if (variables.length > 0 && without !== undefined) {
      for (const name of variables) expect(without.credentialMissing).toContain(name);
    }
    if (providerTypes[type].credential === "none" || providerTypes[type].credential === "sdk") {
      expect(without?.credentialMissing ?? null).toBeNull();
    }
  });
});
