import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { openProviders, type Providers } from "../../../server/providers/registry.ts";
import { makeTargetAddress } from "../../../server/providers/target-address.ts";
import type { ProviderTarget, UpstreamRequest, WireEndpoint } from "../../../server/providers/types.ts";
import { type GoogleTokenEndpoint, openGoogleTokenEndpoint } from "../../support/google-token-endpoint.ts";
import { fakeModels, openProviderFake, type ProviderFake } from "../../support/provider-fake.ts";
import { makeFrame, makeRecorded, recorded, wrap } from "../../support/recorded-answers.ts";
import { makeRequest, makeTarget } from "../../support/scripted-request.ts";
import { makeScriptedSink } from "../../support/scripted-sink.ts";

const token = "sk-ant-of-the-operator-0123456789";
const aws = {
  accessKeyId: "AKIAEXAMPLEEXAMPLE00",
  secretAccessKey: "a/secret+that=is-checked-0123456789abcde",
  region: "us-west-2",
};
const types = ["anthropic", "aws_bedrock", "gcp_vertex_anthropic"] as const;
type Type = (typeof types)[number];

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

function makeNativeTarget(type: Type): ProviderTarget {
  const upstreamModel = fakeModels[type] ?? "";
  const vertex = type === "gcp_vertex_anthropic" ? { projectId: "p", location: "us-east5" } : null;
  const region = type === "aws_bedrock" ? aws.region : null;
  const apiBase = type === "anthropic" ? `${fake.url}/v1` : fake.url;
  const keys = {
    accessKeyId: new Secret(aws.accessKeyId),
    secretAccessKey: new Secret(aws.secretAccessKey),
    sessionToken: null,
  };
  return makeTarget(null, {
    type,
    upstreamModel,
    ...makeTargetAddress({ type, apiBase, options: { region, vertex, apiVersion: null } }, upstreamModel),
    credential: { anthropic: new Secret(token), gcp_vertex_anthropic: new Secret(google.account), aws_bedrock: null }[
      type
    ],
    aws: region === null ? null : { region, ...keys },
    vertex,
  });
}

/** A field that only Anthropic's wire has must arrive untouched. */
const metadata = { user_id: "u-1" };

function makeMessage(type: Type, stream: boolean, endpoint: WireEndpoint = "messages"): UpstreamRequest {
  const model = fakeModels[type];
  const messages = [{ role: "user", content: "play:reasoning" }];
  const request = makeRequest({ model, max_tokens: 64, messages, metadata, ...(stream ? { stream } : {}) }, endpoint);
  return { ...request, headers: { "anthropic-version": "2023-06-01", "anthropic-beta": "one-2025, two-2025" } };
}

async function ask(type: Type, request: UpstreamRequest) {
  const sink = makeScriptedSink();
  providers.get(type).send(makeNativeTarget(type), request, sink);
  const { end } = await sink.ended;
  return {
    end,
    status: sink.status,
    type: sink.headers["content-type"],
    text: sink.text(),
    retry: sink.headers["retry-after"],
  };
}

describe.each(types)("%s", (type) => {
  test("a message goes out as the client wrote it, and comes back as the provider did", async () => {
    const answer = await ask(type, makeMessage(type, false));
    expect(answer).toMatchObject({ end: "end", status: 200, type: "application/json" });
    expect(answer.text).toBe(makeRecorded("anthropic", "reasoning", false).body.toString());
    const [call] = fake.calls;
    expect(call?.json).toMatchObject({ max_tokens: 64, metadata, messages: [{ role: "user" }] });
    const isCloud = type !== "anthropic";
    expect("model" in (call?.json ?? {})).toBe(!isCloud);
    expect(String(call?.json.anthropic_version ?? call?.headers["anthropic-version"])).toMatch(/-?20\d\d-\d\d-\d\d$/);
    const betas = call?.json.anthropic_beta ?? call?.headers["anthropic-beta"];
    expect(String(betas).replaceAll(" ", "")).toBe("one-2025,two-2025");
  });

  test("a stream comes out in Anthropic's events", async () => {
    const answer = await ask(type, makeMessage(type, true));
    expect(answer).toMatchObject({ end: "end", status: 200, type: expect.stringMatching(/^text\/event-stream/) });
    expect(answer.text).toBe(makeRecorded("anthropic", "reasoning", true).body.toString());
    expect("stream" in (fake.calls[0]?.json ?? {})).toBe(type !== "aws_bedrock");
  });

  test("tokens are counted by the provider", async () => {
    const { status, text } = await ask(type, makeMessage(type, false, "count_tokens"));
    expect([status, JSON.parse(text)]).toEqual([200, { input_tokens: 42 }]);
    const said = fake.calls[0]?.body.toString() ?? "";
    const inner =
      type === "aws_bedrock" ? Buffer.from(/"body":"([^"]+)"/.exec(said)?.[1] ?? "", "base64").toString() : said;
    expect(inner).toContain("play:reasoning");
  });

  test("an error keeps its status and its words, and loses the account", async () => {
    const message = "Too many requests of arn:aws:iam::123456789012:user/x in projects/123456";
    const body = type === "anthropic" ? { type: "error", error: { type: "rate_limit_error", message } } : { message };
    fake.reply = () => ({ status: 429, headers: { "retry-after": "7" }, body: Buffer.from(JSON.stringify(body)) });
    const answer = await ask(type, makeMessage(type, true));
    expect(answer).toMatchObject({ end: "end", status: 429, type: "application/json", retry: "7" });
    expect(JSON.parse(answer.text)).toEqual({
      type: "error",
      error: { type: "rate_limit_error", message: "Too many requests of [removed] in [removed]" },
    });
  });

  test("what is neither chat nor message is refused", async () => {
    const { status, text } = await ask(type, makeMessage(type, false, "moderations"));
    expect(status).toBe(404);
    expect(text).toContain("have no moderations");
  });
});

describe("a stream of Claude on Bedrock", () => {
  test("that ends inside of a message is broken", async () => {
    const frame = makeFrame("chunk", wrap({ type: "message_start", message: {} }));
    const headers = { "content-type": "application/vnd.amazon.eventstream" };
    fake.reply = () => ({ headers, body: Buffer.concat([frame, frame.subarray(0, 20)]) });
    const { end, text } = await ask("aws_bedrock", makeMessage("aws_bedrock", true));
    expect(end).toBe("reset");
    expect(text).toContain("event: message_start");
  });

  test("with a wrong checksum is not passed on", async () => {
    const frame = makeFrame("chunk", wrap({ type: "ping" }));
    frame[frame.length - 1] = (frame[frame.length - 1] as number) ^ 1;
    fake.reply = () => ({ headers: { "content-type": "application/vnd.amazon.eventstream" }, body: frame });
    expect(await ask("aws_bedrock", makeMessage("aws_bedrock", true))).toMatchObject({ end: "protocol", text: "" });
  });
});

test("a signature over another secret is refused, so that the check of signatures is one", async () => {
  const target = makeNativeTarget("aws_bedrock");
  const access = {
    ...(target.aws as NonNullable<typeof target.aws>),
    secretAccessKey: new Secret("another-secret-0123456789abcdefghijklmnop"),
  };
  const sink = makeScriptedSink();
  providers.get("aws_bedrock").send({ ...target, aws: access }, makeMessage("aws_bedrock", false), sink);
  await sink.ended;
  expect(sink.status).toBe(401);
  expect(sink.text()).toContain("a wrong signature");
});

test("thinking is in the recorded answer, so that signatures were passed on", () => {
  expect(makeRecorded("anthropic", "reasoning", false).body.toString()).toContain(recorded.signature);
});
