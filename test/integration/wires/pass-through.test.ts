import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

const model = "media";
const sound = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 31) % 256));
const usage = { input_tokens: 12, output_tokens: 30, total_tokens: 42 };

interface Seen {
  path: string;
  type: string;
  body: Buffer;
}

let server: Server;
let gateway: TestGateway;
let client: OpenAI;
let key: string;
const seen: Seen[] = [];

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const path = request.url ?? "";
  seen.push({ path, type: request.headers["content-type"] ?? "", body });
  const json = (value: object): void => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  if (path.endsWith("/audio/speech")) {
    response.writeHead(200, { "content-type": "audio/mpeg" });
    response.write(sound.subarray(0, 100_000));
    if (body.includes("break off")) setTimeout(() => response.destroy(), 50);
    else response.end(sound.subarray(100_000));
  } else if (path.includes("/images/")) {
    if (body.includes('"stream":true')) {
      const event = { type: "image_generation.completed", b64_json: "aGk=", usage };
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    } else json({ created: 1, data: [{ b64_json: "aGk=" }], usage });
  } else if (path.includes("/audio/")) {
    if (body.includes("srt")) response.writeHead(200, { "content-type": "text/plain" }).end("1\n00:00 hi\n");
    else
      json({
        text: "hi",
        usage: body.includes("whisper") ? { type: "duration", seconds: 3 } : { type: "tokens", ...usage },
      });
  } else json({ id: "m", results: [{ flagged: false }] });
}

beforeAll(async () => {
  server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  gateway = await openTestGateway({
    config: fastFlush + makeModelConfig(url, model, 'retries = 0\nmodel_name = "real-model"'),
  });
  key = (await gateway.makeKey()).text;
  client = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await gateway.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const lastSeen = (): Seen => seen.at(-1) as Seen;

describe("what is passed through to providers that have it", () => {
  it("makes pictures, metered by what the provider reports", async () => {
    const { data, response } = await client.images.generate({ model, prompt: "a gate", n: 2 }).withResponse();
    expect(data.data).toEqual([{ b64_json: "aGk=" }]);
    expect(JSON.parse(lastSeen().body.toString())).toEqual({ model: "real-model", prompt: "a gate", n: 2 });
    expect(await findEventOf(gateway, response)).toMatchObject({
      endpoint: "images_generations",
      input_tokens: "12",
      output_tokens: "30",
      usage_source: "reported",
      cost_nano_usd: "72000",
    });
  });

  it("streams pictures as they come", async () => {
    const response = await gateway.call("/v1/images/generations", { model, prompt: "x", stream: true }, key);
    expect(await response.text()).toContain("image_generation.completed");
    expect(await findEventOf(gateway, response)).toMatchObject({ status: 200, code: "", output_tokens: "30" });
  });

  it("takes forms, and changes nothing in them but the model's name", async () => {
    const picture = Buffer.from([0x89, 0x50, 0x0d, 0x0a, 0x2d, 0x2d, 0x00]);
    const edited = await client.images.edit({
      model,
      prompt: 'say "hi"\r\n--x',
      image: await toFile(picture, "a.png", { type: "image/png" }),
    });
    expect(edited.data).toHaveLength(1);
    const { body, type } = lastSeen();
    const form = await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
    expect([form.get("model"), form.get("prompt")]).toEqual(["real-model", 'say "hi"\r\n--x']);
    const file = form.get("image") as File;
    expect([file.name, file.type, Buffer.from(await file.arrayBuffer())]).toEqual(["a.png", "image/png", picture]);
  });

  it("transcribes: JSON with tokens, JSON with seconds, and plain text", async () => {
    const file = await toFile(sound.subarray(0, 5_000), "a.mp3", { type: "audio/mpeg" });
    const { data, response } = await client.audio.transcriptions.create({ model, file }).withResponse();
    expect(data.text).toBe("hi");
    expect(await findEventOf(gateway, response)).toMatchObject({
      endpoint: "audio_transcriptions",
      output_tokens: "30",
      usage_source: "reported",
    });
    const seconds = await client.audio.transcriptions.create({ model, file, prompt: "whisper" }).withResponse();
    expect(await findEventOf(gateway, seconds.response)).toMatchObject({ status: 200, usage_source: "estimated" });
    const text = await client.audio.translations.create({ model, file, response_format: "srt" }).asResponse();
    expect([text.headers.get("content-type"), await text.text()]).toEqual(["text/plain", "1\n00:00 hi\n"]);
  });

  it("speaks: bytes as they come, and a connection that breaks where they break off", async () => {
    const speech = await client.audio.speech.create({ model, voice: "alloy", input: "hi" });
    expect(speech.headers.get("content-type")).toBe("audio/mpeg");
    expect(Buffer.from(await speech.arrayBuffer()).equals(sound)).toBe(true);
    expect(await findEventOf(gateway, speech)).toMatchObject({ endpoint: "audio_speech", status: 200, code: "" });
    const broken = await client.audio.speech.create({ model, voice: "alloy", input: "break off" });
    await expect(broken.arrayBuffer()).rejects.toThrow(/terminated|aborted|other side closed/);
    expect(await findEventOf(gateway, broken)).toMatchObject({ status: 502, code: "upstream_error" });
  });

  it("moderates and ranks", async () => {
    expect((await client.moderations.create({ model, input: "x" })).results).toEqual([{ flagged: false }]);
    const ranked = await gateway.call("/v1/rerank", { model, query: "q", documents: ["a"] }, key);
    expect([ranked.status, lastSeen().path]).toEqual([200, "/v1/rerank"]);
    expect(await findEventOf(gateway, ranked)).toMatchObject({ endpoint: "rerank", output_tokens: "0" });
  });

  it.each([
    ["/v1/images/generations", { model: "echo::x", prompt: "p" }, "model"],
    ["/v1/audio/speech", { model: "echo::x", input: "p", voice: "v" }, "model"],
    ["/v1/rerank", { model: "echo::x", query: "q", documents: [] }, "model"],
    ["/v1/moderations", { input: "x" }, "model"],
    ["/v1/images/generations", { model, prompt: "p", n: 0 }, "n"],
    ["/v1/audio/speech", { model, input: "p", stream: 1 }, "stream"],
  ])("is refused clearly where no provider has it, or it is wrong: %s %j", async (path, body, param) => {
    const before = seen.length;
    const response = await gateway.call(path, body, key);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { param, code: "invalid_request" } },
    ]);
    expect(seen).toHaveLength(before);
  });

  it("refuses a form that is none, that names no model or two, and a form where none is taken", async () => {
    const form = (
      body: string | FormData,
      path = "/v1/images/edits",
      headers: Record<string, string> = {},
    ): Promise<Response> =>
      fetch(`${gateway.url}${path}`, { method: "POST", body, headers: { authorization: `Bearer ${key}`, ...headers } });
    const twice = new FormData();
    twice.append("model", model);
    twice.append("model", "other");
    const none = new FormData();
    none.append("prompt", "x");
    for (const body of [twice, none]) expect((await form(body)).status).toBe(400);
    expect((await form("x", "/v1/images/edits", { "content-type": "multipart/form-data; boundary=y" })).status).toBe(
      400,
    );
    expect((await form("x", "/v1/images/edits", { "content-type": "multipart/form-data" })).status).toBe(400);
    expect((await form(none, "/v1/chat/completions")).status).toBe(415);
    expect((await form(none, "/v1/images/edits", { "content-encoding": "gzip" })).status).toBe(415);
  });
});
