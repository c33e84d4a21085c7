import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ByteReply, type ByteUpstream, openByteUpstream } from "../../support/byte-upstream.ts";
import { makeChatStream } from "../../support/chat-stream.ts";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { makeChatRequest, openLeavingClient } from "../../support/leaving-client.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const messages = [{ role: "user", content: "Say something." }];
const stream = makeChatStream(5);
let first: ScriptedUpstream;
let second: ScriptedUpstream;
let bytes: ByteUpstream;
let replies: ByteReply[] = [];
let gateway: TestGateway;
let key: string;

/** Takes what the test queued, then the whole stream. */
function takeReply(): ByteReply {
  return replies.shift() ?? { pieces: [stream.bytes] };
}

function makeProvider(model: string, name: string, url: string, retries: number): string {
  return `[models.${model}.providers.${name}]
type = "openai_compatible"
api_base = "${url}/v1"
api_key_location = "none"
retries = ${retries}
`;
}

beforeAll(async () => {
  first = await openScriptedUpstream();
  second = await openScriptedUpstream();
  bytes = await openByteUpstream(takeReply);
  gateway = await openTestGateway({
    config: `${fastFlush}
[models.pair]
routing = ["first", "second"]
${makeProvider("pair", "first", first.url, 1)}${makeProvider("pair", "second", second.url, 1)}
[models.away]
routing = ["nobody", "second"]
${makeProvider("away", "nobody", "http://127.0.0.1:1", 1)}${makeProvider("away", "second", second.url, 0)}
[models.lone]
routing = ["bytes"]
${makeProvider("lone", "bytes", bytes.url, 2)}
[prices.pair]
input_usd_per_million = 1
output_usd_per_million = 2
[prices.lone]
input_usd_per_million = 1
output_usd_per_million = 2
`,
  });
  key = (await gateway.makeKey()).text;
});
afterEach(() => {
  first.log.length = 0;
  second.log.length = 0;
  bytes.calls.clear();
  replies = [];
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([first.close(), second.close(), bytes.close()]);
});

const call = (model: string, more: object = {}): Promise<Response> =>
  gateway.call("/v1/chat/completions", { model, messages, max_tokens: 100, ...more }, key);

describe("a call whose provider fails before the first byte", () => {
  for (const [what, script] of [
    ["429", { status: 429 }],
    ["500", { status: 500 }],
    ["503", { status: 503 }],
    ["a FIN before the head", { dropAtByte: 0 }],
    ["a RST before the head", { resetAtByte: 0 }],
  ] as const) {
    for (const isStream of [false, true]) {
      it(`is tried again there after ${what}${isStream ? " (stream)" : ""}: one event, two attempts`, async () => {
        first.script(script);
        const response = await call("pair", { stream: isStream });
        const text = await response.text();
        expect([response.status, first.log.length, second.log.length]).toEqual([200, 2, 0]);
        expect(text.trimEnd().endsWith("data: [DONE]")).toBe(isStream);
        const event = await findEventOf(gateway, response);
        expect(event).toMatchObject({ attempts: 2, provider: "first", status: 200, usage_source: "reported" });
        // Both attempts carried the one id.
        expect(new Set(first.log.map((record) => record.requestId))).toEqual(new Set([event.id]));
      });
    }
  }

  it("goes to the second provider once the first has had its retries", async () => {
    first.script({ status: 500 });
    first.script({ status: 429 });
    const response = await call("pair");
    await response.text();
    expect([response.status, first.log.length, second.log.length]).toEqual([200, 2, 1]);
    expect(await findEventOf(gateway, response)).toMatchObject({ attempts: 3, provider: "second", status: 200 });
  });

  it("goes to the second provider where the first cannot be reached", async () => {
    const response = await call("away");
    await response.text();
    expect([response.status, second.log.length]).toEqual([200, 1]);
    expect(await findEventOf(gateway, response)).toMatchObject({ attempts: 3, provider: "second" });
  });

  it("is answered 429 with the provider's Retry-After where all say so, and costs nothing", async () => {
    for (const upstream of [first, second])
      for (let i = 0; i < 2; i++) upstream.script({ status: 429, retryAfter: "7" });
    const response = await call("pair");
    const { error } = (await response.json()) as { error: { type: string } };
    expect([response.status, response.headers.get("retry-after"), error.type]).toEqual([
      429,
      "7",
      "rate_limit_exceeded",
    ]);
    expect([first.log.length, second.log.length]).toEqual([2, 2]);
    expect(await findEventOf(gateway, response)).toMatchObject({
      attempts: 4,
      status: 429,
      code: "upstream_error",
      cost_nano_usd: "0",
    });
  });

  it("is answered 502 where all fail, without the last provider's status", async () => {
    for (const upstream of [first, second])
      for (let i = 0; i < 2; i++) upstream.script({ status: 503, retryAfter: "9" });
    const response = await call("pair");
    const { error } = (await response.json()) as { error: { code: string } };
    expect([response.status, error.code]).toEqual([502, "upstream_error"]);
    expect(await findEventOf(gateway, response)).toMatchObject({ attempts: 4, status: 502, cost_nano_usd: "0" });
  });

  for (const status of [400, 401, 403, 404, 422]) {
    it(`is not tried again after ${status}`, async () => {
      first.script({ status });
      const response = await call("pair");
      await response.text();
      expect([first.log.length, second.log.length]).toEqual([1, 0]);
      expect(await findEventOf(gateway, response)).toMatchObject({ attempts: 1 });
    });
  }

  it("is tried again where a stream's head came and nothing behind it", async () => {
    replies = [
      { pieces: [], end: "drop" },
      { pieces: [], end: "reset" },
    ];
    const response = await call("lone", { stream: true, stream_options: { include_usage: true } });
    const got = Buffer.from(await response.arrayBuffer());
    expect([response.status, got.equals(stream.bytes)]).toEqual([200, true]);
    expect(await findEventOf(gateway, response)).toMatchObject({ attempts: 3, status: 200, usage_source: "reported" });
  });

  it("is no success where a stream ends properly without a single byte", async () => {
    replies = Array.from({ length: 3 }, (): ByteReply => ({ pieces: [] }));
    const response = await call("lone", { stream: true });
    const { error } = (await response.json()) as { error: { code: string } };
    expect([response.status, error.code]).toEqual([502, "upstream_error"]);
    expect((await findEventOf(gateway, response)).status).toBe(502);
  });

  it("is not tried again once its client has left in the pause between two attempts (abort)", async () => {
    const aborting = (await gateway.makeKey({ onDisconnect: "abort" })).text;
    replies = Array.from(
      { length: 3 },
      (): ByteReply => ({ status: 500, headers: { "content-type": "application/json" }, pieces: [Buffer.from("{}")] }),
    );
    const before = (await gateway.listEvents(0)).length;
    const client = await openLeavingClient(
      Number(new URL(gateway.url).port),
      makeChatRequest(aborting, { model: "lone", messages, max_tokens: 100 }),
    );
    await waitUntil(() => [...bytes.calls.values()].flat().some(({ end }) => end === "served"), "the first attempt");
    await client.leave();
    await waitUntil(() => gateway.context.proxy.openRequests.count === 0, "no open request");
    const calls = [...bytes.calls.values()].flat();
    const [event] = (await gateway.listEvents(before + 1)).slice(before);
    expect([calls.length, event?.attempts, event?.status]).toEqual([1, 1, 499]);
  });
});
