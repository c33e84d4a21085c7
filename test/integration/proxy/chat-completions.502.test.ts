import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ByteReply, type ByteUpstream, openByteUpstream } from "../../support/byte-upstream.ts";
import { makeChatStream } from "../../support/chat-stream.ts";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

const messages = [{ role: "user", content: "Say something." }];
const responseBytesMax = 65_536;
const eventBytesMax = 4_096;
let bytes: ByteUpstream;
let scripted: ScriptedUpstream;
let gateway: TestGateway;
let key: string;
let reply: ByteReply = { pieces: [] };

beforeAll(async () => {
  bytes = await openByteUpstream(() => reply);
  scripted = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: `${fastFlush}[gateway]
response_bytes_max = ${responseBytesMax}
sse_event_bytes_max = ${eventBytesMax}
${makeModelConfig(bytes.url, "bytes", "retries = 0")}
${makeModelConfig(scripted.url, "scripted", "retries = 0")}`,
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([bytes.close(), scripted.close()]);
});

const call = (model: string, more: object = {}): Promise<Response> =>
  gateway.call("/v1/chat/completions", { model, messages, max_tokens: 100, ...more }, key);

/** What a provider says of an account: none of it is the client's business. */
const secrets = ["sk-proj-Ab3dEf6hIjKlMnOp", "org-Zx9Yw8Vu7Ts6", "proj_Qp0Wo9Ei8Ru7", "user-Mn5Bv4Cx3Za2"];
const said = `Incorrect API key provided: ${secrets[0]}. Organization ${secrets[1]}, project ${secrets[2]}, ${secrets[3]}.`;

interface OpenAiError {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

function replyError(status: number, body: string, type = "application/json"): void {
  reply = {
    status,
    headers: { "content-type": type, "openai-organization": "org-Zx9Yw8Vu7Ts6" },
    pieces: [Buffer.from(body)],
  };
}

const openAiBody = JSON.stringify({
  error: { message: said, type: "some_type", param: "messages", code: "some_code" },
});

describe("a provider's error", () => {
  for (const status of [400, 404, 409, 413, 415, 422, 429]) {
    it(`${status} is the client's: passed on in OpenAI's shape, without the account`, async () => {
      replyError(status, openAiBody);
      const response = await call("bytes");
      const text = await response.text();
      const { error } = JSON.parse(text) as { error: OpenAiError };
      expect(response.status).toBe(status);
      expect(error).toMatchObject({ type: "some_type", param: "messages", code: "some_code" });
      expect(error.message).toContain("Incorrect API key provided");
      for (const secret of secrets) expect(text + JSON.stringify([...response.headers])).not.toContain(secret);
      expect(await findEventOf(gateway, response)).toMatchObject({
        status,
        code: "upstream_error",
        cost_nano_usd: "0",
      });
    });
  }

  for (const status of [300, 307, 401, 402, 403, 405, 418, 451, 500, 501, 502, 503, 504, 529]) {
    it(`${status} is the gateway's own dealing with the provider: 502`, async () => {
      replyError(status, openAiBody);
      const response = await call("bytes");
      const text = await response.text();
      const { error } = JSON.parse(text) as { error: OpenAiError };
      expect([response.status, error.code, error.type]).toEqual([502, "upstream_error", "server_error"]);
      expect(error.message).toContain(String(status));
      for (const secret of secrets) expect(text).not.toContain(secret);
      expect(await findEventOf(gateway, response)).toMatchObject({
        status: 502,
        code: "upstream_error",
        cost_nano_usd: "0",
      });
    });
  }

  for (const [what, body, type] of [
    ["a text", '{"error":"no such thing"}', "application/json"],
    ["a bare message", '{"message":"no such thing"}', "application/json"],
    ["FastAPI's detail", '{"detail":[{"msg":"no such thing"}]}', "application/json"],
    ["HTML", "<html><body>no such thing</body></html>", "text/html"],
    ["nothing", "", "application/json"],
    ["a number", "7", "application/json"],
    ["null", "null", "application/json"],
    ["a list", "[]", "application/json"],
    ["odd fields", '{"error":{"message":{"a":1},"type":7,"code":404}}', "application/json"],
    ["bytes that are no text", "\ufffd\u0000\u0001", "application/octet-stream"],
  ] as const) {
    it(`in another shape (${what}) is brought into OpenAI's`, async () => {
      for (const status of [400, 500]) {
        replyError(status, body, type);
        const response = await call("bytes");
        expect(response.headers.get("content-type")).toBe("application/json");
        const { error } = (await response.json()) as { error: OpenAiError };
        expect(response.status).toBe(status === 400 ? 400 : 502);
        expect(error.message.length).toBeGreaterThan(0);
        expect(typeof error.type).toBe("string");
        expect(error).toHaveProperty("param");
        expect(error).toHaveProperty("code");
      }
    });
  }

  it("inside a stream that began is passed on as it is, and the event says so", async () => {
    const error = 'data: {"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}\n\n';
    const stream = makeChatStream(3);
    reply = { pieces: [stream.bytes.subarray(0, stream.events[2]?.end), Buffer.from(`${error}data: [DONE]\n\n`)] };
    const response = await call("bytes", { stream: true });
    expect(await response.text()).toContain(error);
    expect(await findEventOf(gateway, response)).toMatchObject({ code: "upstream_error", usage_source: "estimated" });
  });
});

describe("an answer that cannot be used", () => {
  it("is not a stream that is longer than the limit of whole answers", async () => {
    const stream = makeChatStream(600);
    reply = { pieces: [stream.bytes] };
    const response = await call("bytes", { stream: true, stream_options: { include_usage: true } });
    expect(Buffer.from(await response.arrayBuffer()).equals(stream.bytes)).toBe(true);
  });

  for (const script of [
    "garbage",
    "gzip",
    "stacked",
    "huge",
    "headers",
    "redirect-http://127.0.0.1:9/",
    "drop-0",
    "reset-0",
    "drop-40",
    "reset-40",
  ]) {
    it(`is answered 502: ${script}`, async () => {
      const response = await call("scripted", { metadata: { script } });
      const { error } = (await response.json()) as { error: OpenAiError };
      expect([response.status, error.code]).toEqual([502, "upstream_error"]);
      expect(error.message).not.toContain("127.0.0.1");
      const event = await findEventOf(gateway, response);
      expect(event).toMatchObject({ status: 502, attempts: 1 });
      expect(scripted.log.filter((record) => record.requestId === event.id)).toHaveLength(1);
    });
  }

  it("is answered 502 where it is over the limit, announced or not, and 200 one byte below", async () => {
    const body = (length: number): Buffer =>
      Buffer.from(`{"usage":{"prompt_tokens":3,"completion_tokens":4}${" ".repeat(length - 51)}}`);
    for (const [length, announced, status] of [
      [responseBytesMax, true, 200],
      [responseBytesMax + 1, true, 502],
      [responseBytesMax - 1, false, 200],
      [responseBytesMax + 1, false, 502],
      [4 * responseBytesMax, false, 502],
    ] as const) {
      const whole = body(length);
      reply = {
        headers: {
          "content-type": "application/json",
          ...(announced ? { "content-length": String(whole.length) } : {}),
        },
        pieces: [whole.subarray(0, length / 2), whole.subarray(length / 2)],
      };
      const response = await call("bytes");
      await response.text();
      expect([length, announced, response.status]).toEqual([length, announced, status]);
    }
  });

  it("cuts a stream with an error event where one event is over the limit", async () => {
    const stream = makeChatStream(3);
    const before = stream.bytes.subarray(0, stream.events[1]?.end);
    for (const long of [
      `data: {"choices":[{"delta":{"content":"${"a".repeat(eventBytesMax)}"}}]}\n\ndata: [DONE]\n\n`,
      `data: ${"a".repeat(4 * eventBytesMax)}`,
    ]) {
      for (const size of [64, 1_000, 100_000]) {
        const all = Buffer.concat([before, Buffer.from(long)]);
        const pieces: Buffer[] = [];
        for (let at = 0; at < all.length; at += size) pieces.push(all.subarray(at, at + size));
        reply = { pieces };
        const response = await call("bytes", { stream: true });
        const text = await response.text();
        expect(text.startsWith(before.toString())).toBe(true);
        expect(text.slice(before.length)).toMatch(/^data: \{"error":\{.*"code":"upstream_error"\}\}\n\n$/);
        expect(await findEventOf(gateway, response)).toMatchObject({ status: 502, usage_source: "estimated" });
      }
    }
  });
});
