import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import { openClock } from "../../../server/platform/clock.ts";
import { openProviders, type Providers } from "../../../server/providers/registry.ts";
import type { ProviderTarget, UpstreamCall } from "../../../server/providers/types.ts";
import { type ByteReply, type ByteUpstream, openByteUpstream } from "../../support/byte-upstream.ts";
import { makeFrame, makeRecorded, type RecordedWire } from "../../support/recorded-answers.ts";
import { makeRequest, makeTarget } from "../../support/scripted-request.ts";
import { makeScriptedSink } from "../../support/scripted-sink.ts";

let upstream: ByteUpstream;
let providers: Providers;
let reply: ByteReply;

beforeAll(async () => {
  upstream = await openByteUpstream(() => reply);
  providers = openProviders({ clock: openClock(), answerBytesMax: 1_000_000 });
});
afterAll(async () => {
  await providers.close();
  await upstream.close();
});

const aws = {
  region: "eu-central-1",
  accessKeyId: new Secret("AKIAEXAMPLEEXAMPLE00"),
  secretAccessKey: new Secret("a-secret-that-nobody-checks-here-0123456"),
  sessionToken: null,
};
const subjects: readonly [RecordedWire, Partial<ProviderTarget>][] = [
  ["anthropic", { type: "anthropic", upstreamModel: "claude-sonnet-4-5" }],
  ["bedrock", { type: "aws_bedrock", upstreamModel: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", aws }],
  ["gemini", { type: "google_ai_studio_gemini", upstreamModel: "gemini-2.5-flash" }],
];
const timeouts = { connectMs: 5_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 30_000 };
let count = 0;

function start(target: Partial<ProviderTarget>, stream: boolean, more: object = {}, hooks = {}) {
  const sink = makeScriptedSink(hooks);
  const id = `018f0000-0000-7000-8000-${String(++count).padStart(12, "0")}`;
  const json = { model: "m", messages: [{ role: "user", content: "hello" }], stream, ...more };
  const whole = makeTarget(upstream.url, { basePath: "", timeouts, ...target });
  const call: UpstreamCall = providers.get(whole.type).send(whole, makeRequest(json, "chat_completions", id), sink);
  return { sink, call, id };
}

async function ask(target: Partial<ProviderTarget>, stream: boolean, more: object = {}) {
  const { sink } = start(target, stream, more);
  const { end } = await sink.ended;
  return { end, status: sink.status, text: sink.text(), calls: sink.calls };
}

function record(wire: RecordedWire, stream: boolean): { headers: Record<string, string>; body: Buffer } {
  const { contentType, body } = makeRecorded(wire, "text", stream);
  return { headers: { "content-type": contentType }, body };
}

/** A call whose silence begins here, whether an answer came or not. */
async function waitFor(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !condition(); tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

describe.each(subjects)("%s", (wire, target) => {
  test.each([false, true])(
    "a head that does not come ends by the first byte's time-out (stream %s)",
    async (stream) => {
      reply = { ...record(wire, stream), pieces: [], heldRest: Buffer.from("x") };
      const short = { ...timeouts, firstByteMs: 300 };
      expect(await ask({ ...target, timeouts: short }, stream)).toMatchObject({ end: "timeout_first_byte" });
    },
  );

  test("a stall in the middle ends by the idle time-out, behind what came", async () => {
    const { headers, body } = record(wire, true);
    const half = body.subarray(0, body.length - 60);
    reply = { headers, pieces: [half], heldRest: body.subarray(half.length) };
    const { end, text } = await ask({ ...target, timeouts: { ...timeouts, idleMs: 300 } }, true);
    expect(end).toBe("timeout_idle");
    expect(text).toContain("Grüße");
    expect(text).not.toContain("[DONE]");
  });

  test("an answer that trickles ends by the total time-out", async () => {
    const { headers, body } = record(wire, true);
    reply = { headers, pieces: [body.subarray(0, 100)], heldRest: body.subarray(100) };
    expect(await ask({ ...target, timeouts: { ...timeouts, totalMs: 400 } }, true)).toMatchObject({
      end: "timeout_total",
    });
  });

  test("a connection that is reset, or ends without an answer, is told as such", async () => {
    reply = { ...record(wire, true), pieces: [], end: "before_head" };
    expect(await ask(target, true)).toMatchObject({ end: "reset", calls: ["failure"] });
    expect(await ask({ ...target, origin: "http://127.0.0.1:1" }, true)).toMatchObject({ end: "connect" });
  });

  test("an error keeps its status and words, in OpenAI's shape", async () => {
    const message = "Overloaded; ask arn:aws:iam::123456789012:role/x";
    const error = { type: "error", error: { type: "overloaded_error", message, status: "UNAVAILABLE" }, message };
    const body = Buffer.from(JSON.stringify(error));
    reply = { status: 529, headers: { "content-type": "application/json", "retry-after": "3" }, pieces: [body] };
    for (const stream of [false, true]) {
      const { end, status, text } = await ask(target, stream);
      expect([end, status]).toEqual(["end", 529]);
      expect(JSON.parse(text)).toMatchObject({ error: { message: "Overloaded; ask [removed]", type: "server_error" } });
    }
  });

  test("a redirect is not followed", async () => {
    reply = { status: 302, headers: { location: "http://127.0.0.1:1/" }, pieces: [] };
    expect(await ask(target, false)).toMatchObject({ end: "end", status: 302 });
  });

  test("an answer that is no JSON cannot be used", async () => {
    reply = { headers: { "content-type": "application/json" }, pieces: [Buffer.from("<html>")] };
    expect(await ask(target, false)).toMatchObject({ end: "protocol", calls: ["failure"] });
  });

  test("an answer that is too large ends", async () => {
    const pieces = Array.from({ length: 20 }, () => Buffer.alloc(100_000, 0x20));
    reply = { headers: { "content-type": "application/json" }, pieces };
    expect(await ask(target, false)).toMatchObject({ end: "protocol" });
  });

  test("a call that is ended tells nothing more, and the provider's connection is closed", async () => {
    const { headers, body } = record(wire, true);
    reply = { headers, pieces: [body.subarray(0, body.length - 60)], heldRest: body };
    const { sink, call, id } = start(target, true);
    await waitFor(() => sink.chunks.length > 0);
    call.abort();
    call.abort();
    const before = sink.calls.length;
    await upstream.calls.get(id)?.[0]?.closed;
    expect(upstream.calls.get(id)?.[0]?.end).toBe("left");
    expect(sink.calls.length).toBe(before);
    expect(sink.calls).not.toContain("failure");
  });

  test("a sink that is paused gets nothing until it wants more", async () => {
    const { headers, body } = record(wire, true);
    reply = { headers, pieces: [body.subarray(0, body.length - 60)], heldRest: body.subarray(body.length - 60) };
    const { sink, call, id } = start(target, true);
    await waitFor(() => sink.chunks.length > 0);
    call.pause();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const paused = sink.chunks.length;
    upstream.calls.get(id)?.[0]?.release();
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(sink.chunks.length).toBe(paused);
    call.resume();
    expect((await sink.ended).end).toBe("end");
    expect(sink.text()).toContain("[DONE]");
  });

  test.each([
    ["n", { n: 2 }],
    ["functions", { functions: [{ name: "f" }] }],
    ["messages.0.role", { messages: [{ role: "nobody", content: "x" }] }],
    [
      "messages.0.content.0.image_url.url",
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "file:///etc/passwd" } }] }] },
    ],
    ["messages.0.tool_call_id", { messages: [{ role: "tool", tool_call_id: "none", content: "x" }] }],
    ["response_format", { response_format: { type: "json_schema" } }],
    ["tool_choice", { tools: [{ type: "function", function: { name: "f" } }], tool_choice: "any" }],
    ["reasoning_effort", { reasoning_effort: "extreme" }],
  ])("what cannot be translated is refused by its name: %s", async (param, more) => {
    const { status, text } = await ask(target, false, more);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { param, message: expect.stringContaining(`\`${param}\``) } });
  });
});

describe("a provider that fails inside of its stream", () => {
  const started = makeRecorded("anthropic", "text", true).body.toString().split("event: content_block_stop")[0] ?? "";
  const failed = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';

  test("before its first word: the status that it would have had", async () => {
    reply = { pieces: [Buffer.from(failed)] };
    const { end, status, text } = await ask(subjects[0]?.[1] ?? {}, true);
    expect([end, status]).toEqual(["end", 503]);
    expect(JSON.parse(text)).toMatchObject({ error: { message: "Overloaded" } });
  });

  test("later: its words as an event, and no end", async () => {
    reply = { pieces: [Buffer.from(started + failed)] };
    const { end, text } = await ask(subjects[0]?.[1] ?? {}, true);
    expect(end).toBe("reset");
    expect(text).toContain('data: {"error":{"message":"Overloaded"');
    expect(text).not.toContain("[DONE]");
  });

  test("on Bedrock, with an exception", async () => {
    const frame = makeFrame("throttlingException", { message: "slow down" }, "exception");
    reply = { headers: { "content-type": "application/vnd.amazon.eventstream" }, pieces: [frame] };
    const { end, status, text } = await ask(subjects[1]?.[1] ?? {}, true);
    // The SDK does not tell which exception it was.
    expect([end, status, text.includes("slow down")]).toEqual(["end", 502, true]);
  });

  test("with an event without end", async () => {
    const pieces = Array.from({ length: 90 }, () => Buffer.alloc(100_000, 0x61));
    reply = { pieces: [Buffer.from("data: "), ...pieces] };
    expect(await ask(subjects[0]?.[1] ?? {}, true)).toMatchObject({ end: "protocol" });
  });
});
