import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { replaceProviderTable } from "../../../scripts/docs/provider-table.ts";
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
import type { ProviderTarget, UpstreamRequest, WireEndpoint } from "../../../server/providers/types.ts";
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
/** Names of the tests that have begun. Those of the table are before those that look for them. */
const ran = new Set<string>();

beforeEach(({ task }) => {
  ran.add(task.name);
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

const embeddingModels: Readonly<Partial<Record<ProviderType, string>>> = {
  aws_bedrock: "amazon.titan-embed-text-v2:0",
  gcp_vertex_gemini: "text-embedding-005",
  google_ai_studio_gemini: "gemini-embedding-001",
};

function makeFakeTarget(type: ProviderType, endpoint: WireEndpoint): ProviderTarget {
  if (type === "echo") return makeTarget(null, { upstreamModel: "demo" });
  const upstreamModel = (endpoint === "embeddings" ? embeddingModels : fakeModels)[type] ?? "some-model";
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
  providers.get(type).send(makeFakeTarget(type, request.endpoint), request, sink);
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
    // Google AI Studio counts nothing here.
    expect(usage === undefined).toBe(type === "google_ai_studio_gemini");
    expect(parseOpenAiUsage(usage ?? { prompt_tokens: 0 }).ok).toBe(true);
    const encoded = await ask(
      type,
      makeRequest({ model: "some-model", input: ["hello"], encoding_format: "base64" }, "embeddings"),
    );
    expect(encoded.status).toBe(200);
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
        hourCacheWriteTokens: tellsHourWrites.has(type) ? recorded.usage.hourWrite : 0,
      },
    });
  },
};

/** Types that tell what they keep for an hour. */
const tellsHourWrites: ReadonlySet<ProviderType> = new Set(["anthropic", "aws_bedrock", "gcp_vertex_anthropic"]);

/** The variables that the type's default names; the first one is preferred. */
function listVariables(type: ProviderType): string[] {
  const { credential } = providerTypes[type];
  const places = typeof credential === "string" ? [credential] : [credential.default, credential.fallback];
  return places.flatMap((place) => (place.startsWith("env::") ? [place.slice(5)] : []));
}

function findShorthand(type: ProviderType, env: Record<string, string>): ProviderConfig | undefined {
  return loadConfig({ env, readOnly: true }).shorthands.get(type);
}

/** What is wrong with where the type's credential is found when the config says nothing, or `null`. */
function findDefaultFault(type: ProviderType): string | null {
  const { credential, needsApiBase } = providerTypes[type];
  const variables = listVariables(type);
  for (const [index, name] of variables.entries()) {
    const later = Object.fromEntries(variables.slice(index + 1).map((other) => [other, "other-secret"]));
    const found = findShorthand(type, { ...later, [name]: "the-secret" });
    if (found === undefined && !needsApiBase) return "no shorthand";
    if (found !== undefined && found.credential?.reveal() !== "the-secret") return `${name} is not read`;
  }
  const without = findShorthand(type, { AWS_REGION: "eu-central-1", GOOGLE_CLOUD_PROJECT: "p" });
  const missing = without?.credentialMissing ?? "";
  if (without !== undefined && variables.some((name) => !missing.includes(name))) return `said ${missing}`;
  return (credential === "none" || credential === "sdk") && missing !== "" ? `said ${missing}` : null;
}

describe.each(types)("%s", (type) => {
  const present = providerFeatures.filter((feature) => hasFeature(type, feature));
  test.each(present.map((feature) => [makeFeatureTest(type, feature), feature] as const))("%s", async (_, feature) => {
    await expect(checks[feature](type)).resolves.toBeUndefined();
  });

  const absent = ["embeddings" as const].filter((name) => !hasFeature(type, name) && !isOpenAi(type));
  test.each(absent)(`${type} has no %s, and says so`, async (endpoint) => {
    const { status, text } = await ask(type, makeRequest({ model: "some-model", input: "hello" }, endpoint));
    expect(status).toBe(404);
    expect(text).toContain(`have no ${endpoint}`);
    expect(fake.calls).toEqual([]);
  });

  test.each([makeFeatureTest(type, "credential default")])("%s", () => {
    expect(findDefaultFault(type)).toBeNull();
  });
});

describe("docs/providers.md", () => {
  const page = readFileSync(new URL("../../../docs/providers.md", import.meta.url), "utf8");

  test("is what the registry says", () => {
    expect(page).toBe(replaceProviderTable(page));
  });

  test("has a test behind each cell that says yes", () => {
    const [head = [], , ...rows] = page
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .map((line) => line.split("|").map((cell) => cell.trim()));
    const cells = rows.flatMap(([, type, ...row]) =>
      row.flatMap((cell, column) => (cell === "yes" || cell.startsWith("`") ? [`${type}: ${head[column + 2]}`] : [])),
    );
    expect(cells.length).toBeGreaterThan(150);
    expect(cells.filter((cell) => !ran.has(cell.replaceAll("`", "")))).toEqual([]);
  });
});
