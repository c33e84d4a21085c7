import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ByteReply, type ByteUpstream, openByteUpstream } from "../../support/byte-upstream.ts";
import { getForwarded, makeChatAnswer, makeChatStream } from "../../support/chat-stream.ts";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { runBatches } from "../../support/run-batches.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { makeModelConfig, openTestGateway, type StoredEvent, type TestGateway } from "../../support/test-gateway.ts";

const messages = [{ role: "user", content: "Say something, one word at a time." }];
const random = makeSeededRandom();
const replies = new Map<string, ByteReply>();
let bytes: ByteUpstream;
let scripted: ScriptedUpstream;
let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  console.info(`I2: seed ${random.seed}`);
  bytes = await openByteUpstream((json) => replies.get(String(json.user)) as ByteReply);
  scripted = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: fastFlush + makeModelConfig(bytes.url, "bytes") + makeModelConfig(scripted.url, "scripted"),
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([bytes.close(), scripted.close()]);
});

const sha256 = (data: Buffer): string => createHash("sha256").update(data).digest("hex");

/** Cuts at rising offsets. */
function cut(data: Buffer, offsets: readonly number[]): Buffer[] {
  return [0, ...offsets].map((from, index) => data.subarray(from, offsets[index] ?? data.length));
}

let calls = 0;
async function relay(reply: ByteReply, more: object): Promise<{ response: Response; body: Buffer }> {
  const user = `relay-${++calls}`;
  replies.set(user, reply);
  const response = await gateway.call(
    "/v1/chat/completions",
    { model: "bytes", messages, user, max_tokens: 1_000, ...more },
    key,
  );
  const body = Buffer.from(await response.arrayBuffer());
  replies.delete(user);
  return { response, body };
}

const asked = { stream: true, stream_options: { include_usage: true } };

describe("an answer that needs no rewrite", () => {
  for (const [name, lineEnd] of [
    ["LF", "\n"],
    ["CRLF", "\r\n"],
    ["CR", "\r"],
  ] as const) {
    const stream = makeChatStream(6, { lineEnd });

    it(`is passed on byte for byte, cut at every offset, and its usage is found: ${name}`, async () => {
      const before = (await gateway.listEvents(0)).length;
      const offsets = Array.from({ length: stream.bytes.length - 1 }, (_, index) => index + 1);
      const wrong: number[] = [];
      await runBatches(offsets, 16, async (offset) => {
        const { body } = await relay({ pieces: cut(stream.bytes, [offset]) }, asked);
        if (sha256(body) !== sha256(stream.bytes)) wrong.push(offset);
      });
      expect(wrong).toEqual([]);
      expect(offsets.length).toBeGreaterThan(1_000);
      checkUsage((await gateway.listEvents(before + offsets.length)).slice(before), offsets.length);
    });

    it(`is passed on without the usage chunk that nobody asked for, at random cuts: ${name}`, async () => {
      const before = (await gateway.listEvents(0)).length;
      const expected = getForwarded(stream, stream.bytes.length, false);
      expect(expected.length).toBeLessThan(stream.bytes.length);
      const cases = Array.from({ length: 150 }, () => {
        const count = 1 + random.integer(40);
        const offsets = new Set(Array.from({ length: count }, () => 1 + random.integer(stream.bytes.length - 1)));
        return [...offsets].sort((a, b) => a - b);
      });
      const wrong: number[][] = [];
      await runBatches(cases, 16, async (offsets) => {
        const { body } = await relay({ pieces: cut(stream.bytes, offsets) }, { stream: true });
        if (!body.equals(expected)) wrong.push(offsets);
      });
      expect(wrong.slice(0, 3)).toEqual([]);
      checkUsage((await gateway.listEvents(before + cases.length)).slice(before), cases.length);
    });

    /** Every event of these streams reports what the stream said, and nothing else. */
    function checkUsage(events: readonly StoredEvent[], count: number): void {
      const expected = `reported ${stream.promptTokens} ${stream.completionTokens} 200`;
      const found = events.map(
        (event) => `${event.usage_source} ${event.input_tokens} ${event.output_tokens} ${event.status}`,
      );
      expect(found.filter((text) => text !== expected)).toEqual([]);
      expect(found).toHaveLength(count);
    }
  }

  it("is caught by this check where one byte is changed", () => {
    const stream = makeChatStream(6);
    const changed = Buffer.from(stream.bytes);
    changed[100] = (changed[100] ?? 0) ^ 1;
    expect(sha256(changed)).not.toBe(sha256(stream.bytes));
    expect(Buffer.concat(cut(stream.bytes, [3, 700, 701])).equals(stream.bytes)).toBe(true);
  });

  it("is passed on byte for byte as JSON, whatever its spaces and escapes", async () => {
    const plain = makeChatAnswer(9).toString();
    for (const text of [
      plain,
      `\n ${plain} \r\n`,
      plain.replaceAll(",", " ,\t"),
      plain.replace("assistant", "\\u0061ssistant"),
      plain.replace('"content":"', '"content":"Zürich 日本 🚀 \\ud83d\\ude80 '),
    ]) {
      const data = Buffer.from(text);
      const { response, body } = await relay(
        { headers: { "content-type": "application/json" }, pieces: cut(data, [1, 50]) },
        {},
      );
      expect(sha256(body)).toBe(sha256(data));
      expect(await findEventOf(gateway, response)).toMatchObject({ usage_source: "reported", output_tokens: "9" });
    }
  });

  it("goes to the provider byte for byte where nothing of the request must change", async () => {
    const body = `{ "model" : "scripted",\n"messages":[{"role":"user","content":"h\\u00e9 \\/ 1e2 \u{1F680}"}], "stream":true,\t"stream_options":{"include_usage":true },"temperature":1.0, "max_tokens":9}`;
    const response = await gateway.call("/v1/chat/completions", body, key);
    await response.text();
    expect(scripted.log.at(-1)?.body).toBe(body);
  });

  it("goes with other stream options kept where the usage chunk is added", async () => {
    const body = { model: "scripted", messages, stream: true, stream_options: { include_obfuscation: false } };
    await (await gateway.call("/v1/chat/completions", body, key)).text();
    expect(JSON.parse(scripted.log.at(-1)?.body ?? "{}")).toEqual({
      ...body,
      stream_options: { include_obfuscation: false, include_usage: true },
    });
    await (
      await gateway.call("/v1/chat/completions", { ...body, stream_options: { include_usage: false } }, key)
    ).text();
    expect(JSON.parse(scripted.log.at(-1)?.body ?? "{}").stream_options).toEqual({ include_usage: true });
    await (await gateway.call("/v1/chat/completions", { ...body, stream_options: null }, key)).text();
    expect(JSON.parse(scripted.log.at(-1)?.body ?? "{}").stream_options).toEqual({ include_usage: true });
  });

  it("keeps a usage that stands in a chunk with choices, and reads it", async () => {
    const stream = makeChatStream(4, { usage: "last_content_chunk" });
    const { response, body } = await relay({ pieces: [stream.bytes] }, { stream: true });
    expect(body.equals(stream.bytes)).toBe(true);
    expect(await findEventOf(gateway, response)).toMatchObject({ usage_source: "reported", output_tokens: "4" });
  });

  it("is estimated, marked so, where the provider reports no usage", async () => {
    for (const stream of [false, true]) {
      const response = await gateway.call(
        "/v1/chat/completions",
        { model: "scripted", messages, stream, max_tokens: 500, metadata: { script: "usage-absent+tokens-50" } },
        key,
      );
      await response.text();
      const event = await findEventOf(gateway, response);
      expect(event).toMatchObject({ usage_source: "estimated", status: 200 });
      expect(Number(event.output_tokens)).toBeGreaterThan(20);
      expect(BigInt(event.cost_nano_usd ?? 0)).toBeGreaterThan(0n);
    }
  });

  it("comes without a noticeable delay per chunk", async () => {
    // In one process with its provider and its client: the delays of both directions are in it.
    const sentAt: number[] = [];
    const delays: number[] = [];
    const count = 300;
    const paced = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "text/event-stream" });
      let index = 0;
      const tick = setInterval(() => {
        sentAt.push(performance.now());
        response.write(`data: {"choices":[{"index":0,"delta":{"content":"${index++}"}}]}\n\n`);
        if (index < count) return;
        clearInterval(tick);
        response.end("data: [DONE]\n\n");
      }, 2);
    });
    await new Promise<void>((resolve) => paced.listen(0, "127.0.0.1", resolve));
    const { port } = paced.address() as { port: number };
    const own = await openTestGateway({
      config: makeModelConfig(`http://127.0.0.1:${port}`),
      database: gateway.database,
    });
    try {
      const ownKey = (await own.makeKey()).text;
      const measure = async (url: string): Promise<number> => {
        sentAt.length = 0;
        delays.length = 0;
        const response = await fetch(`${url}/v1/chat/completions`, {
          method: "POST",
          headers: { "content-type": "application/json", authorization: `Bearer ${ownKey}` },
          body: JSON.stringify({ model: "gpt-test", messages, ...asked }),
        });
        let seen = 0;
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          const now = performance.now();
          const events = Buffer.from(chunk).toString().split('"delta"').length - 1;
          for (let i = 0; i < events; i++) delays.push(now - (sentAt[seen++] as number));
        }
        expect(seen).toBe(count);
        return delays.sort((a, b) => a - b)[Math.floor(count * 0.99)] as number;
      };
      await measure(own.url);
      const direct = await measure(`http://127.0.0.1:${port}`);
      const through = await measure(own.url);
      console.info(
        `I2: delay per chunk, p99 of ${count}: ${direct.toFixed(2)} ms directly, ${through.toFixed(2)} ms through the gateway (bar: 5 ms added)`,
      );
      expect(through - direct).toBeLessThan(50);
    } finally {
      await own.close();
      paced.close();
    }
  });
});
