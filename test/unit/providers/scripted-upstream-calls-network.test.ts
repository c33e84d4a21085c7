import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  openScriptedUpstream,
  type ScriptedUpstream,
  type UpstreamCallRecord,
} from "../../support/scripted-upstream.ts";

let upstream: ScriptedUpstream;
let client: OpenAI;
const messages = [{ role: "user" as const, content: "Say something." }];

beforeEach(async () => {
  upstream = await openScriptedUpstream();
  client = new OpenAI({ baseURL: `${upstream.url}/v1`, apiKey: "sk-test", maxRetries: 0 });
});
afterEach(() => upstream.close());

async function collect(model: string, includeUsage = true) {
  const stream = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    ...(includeUsage ? { stream_options: { include_usage: true } } : {}),
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
  return { chunks, text, usage: chunks.find((chunk) => chunk.usage)?.usage ?? null };
}

describe("answers, as the official client reads them", () => {
  it("are the same for the same request and seed, as JSON and as a stream", async () => {
    const whole = await client.chat.completions.create({ model: "m", messages });
    const again = await collect("m");
    const text = whole.choices[0]?.message.content;
    expect(again.text).toBe(text);
    expect((await collect("m+seed-2")).text).not.toBe(text);
    expect(again.usage).toEqual(whole.usage);
    expect(whole.usage?.completion_tokens).toBe(text?.split(" ").length);
    for (const call of upstream.log.slice(0, 2)) {
      expect(call).toMatchObject({ end: "served", promptTokens: 4, completionTokens: whole.usage?.completion_tokens });
    }
  });

  it("follow tokens, max_tokens, tools, schema and metadata", async () => {
    const create = (more: object) => client.chat.completions.create({ model: "m", messages, stream: false, ...more });
    expect((await create({ model: "m+tokens-50" })).usage?.completion_tokens).toBe(50);
    expect((await create({ max_tokens: 3 })).choices[0]?.finish_reason).toBe("length");
    expect((await create({ metadata: { script: "tokens-5" } })).usage?.completion_tokens).toBe(5);
    const tools = [{ type: "function", function: { name: "weather" } }];
    const called = await create({ tools, tool_choice: "auto" });
    expect(called.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: "weather", arguments: '{"city":"Zürich"}' },
    });
    const schema = {
      type: "object",
      properties: { open: { type: "boolean" }, names: { type: "array", items: { type: "string" } } },
    };
    const shaped = await create({ response_format: { type: "json_schema", json_schema: { name: "s", schema } } });
    expect(JSON.parse(shaped.choices[0]?.message.content ?? "")).toEqual({ open: true, names: ["gate"] });
    const embedded = await client.embeddings.create({ model: "e", input: ["a", "b"], dimensions: 4 });
    expect(embedded.data.map((item) => item.embedding.length)).toEqual([4, 4]);
  });

  it("tell usage as scripted", async () => {
    expect((await collect("m", false)).usage).toBeNull();
    expect((await collect("m+usage-absent")).usage).toBeNull();
    const last = await collect("m+usage-last", false);
    expect(last.chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
    const truth = upstream.log.at(-1)?.completionTokens ?? 0;
    expect(last.usage?.completion_tokens).toBe(truth);
    expect((await collect("m+usage-lying")).usage?.completion_tokens).toBe(truth * 10);
  });

  it("stream with CRLF and CR line ends too", async () => {
    const { text } = await collect("m+tokens-9");
    expect((await collect("m+tokens-9+crlf")).text).toBe(text);
    const body = JSON.stringify({ model: "m+tokens-9+cr", messages, stream: true });
    const raw = await (await fetch(`${upstream.url}/v1/chat/completions`, { method: "POST", body })).text();
    expect(raw).toContain("\r\rdata: ");
    expect(raw).not.toContain("\n");
  });
});

describe("faults", () => {
  it("errors by status with Retry-After, and a script for one request only", async () => {
    upstream.script({ status: 429, retryAfter: "3" });
    const failure = await client.chat.completions.create({ model: "m", messages }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OpenAI.RateLimitError);
    expect((failure as InstanceType<typeof OpenAI.RateLimitError>).headers.get("retry-after")).toBe("3");
    expect((await collect("m")).text).not.toBe("");
    upstream.script((json) => json.user === "unlucky", { status: 503 });
    const unlucky = { model: "m", messages, user: "unlucky" };
    for (let i = 0; i < 2; i++) {
      await expect(client.chat.completions.create(unlucky)).rejects.toBeInstanceOf(OpenAI.InternalServerError);
    }
  });

  it("a drop at byte k serves k bytes and counts only whole frames", async () => {
    await expect(collect("m+tokens-20+drop-1000")).rejects.toBeInstanceOf(Error);
    const call = upstream.log[0];
    expect(call).toMatchObject({ end: "dropped", bytesOut: 1000 });
    expect(call?.completionTokens).toBeGreaterThan(0);
    expect(call?.completionTokens).toBeLessThan(20);
  });

  it("a stall is silence until the client leaves", async () => {
    const abort = new AbortController();
    const stream = await client.chat.completions.create(
      { model: "m+stall-400", messages, stream: true },
      { signal: abort.signal },
    );
    await vi.waitFor(() => expect(upstream.log[0]?.bytesOut).toBe(400));
    expect(upstream.log[0]?.end).toBe("open");
    abort.abort();
    await stream[Symbol.asyncIterator]()
      .next()
      .catch(() => null);
    await vi.waitFor(() => expect(upstream.log[0]?.end).toBe("stalled"));
  });

  it("paces the first token and the rate", async () => {
    const startedMs = performance.now();
    await collect("m+slow-100+rate-100+tokens-10");
    expect(performance.now() - startedMs).toBeGreaterThan(195);
  });

  it("sends a provider's own headers when told to", async () => {
    const { response } = await client.chat.completions.create({ model: "m+identity", messages }).withResponse();
    expect(response.headers.get("openai-organization")).toBe("org-secret");
    expect(response.headers.getSetCookie().length).toBe(2);
  });
});

describe("as a process of its own", () => {
  const folder = mkdtempSync(join(tmpdir(), "scripted-"));
  let child: ChildProcess | null = null;
  afterEach(() => {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  it("keeps a log that a kill does not take back", async () => {
    const logFile = join(folder, "upstream.jsonl");
    const script = join(import.meta.dirname, "../../support/scripted-upstream-process.ts");
    const started = spawn(process.execPath, ["--import", "tsx", script, "--log", logFile], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    child = started;
    const url = await new Promise<string>((resolve) =>
      started.stdout.once("data", (data) => resolve(String(data).trim())),
    );
    const own = new OpenAI({
      baseURL: `${url}/v1`,
      apiKey: "sk-test",
      defaultHeaders: { "x-client-request-id": "id-1" },
    });
    const answer = await own.chat.completions.create({ model: "m", messages });
    const lines = (): (UpstreamCallRecord & { event: string })[] =>
      readFileSync(logFile, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    await vi.waitFor(() => expect(lines().map((line) => line.event)).toEqual(["dispatch", "completion"]));
    void own.chat.completions.create({ model: "m+stall-0", messages }).catch(() => null);
    await vi.waitFor(() => expect(lines().length).toBe(3));
    const ended = new Promise((resolve) => started.once("exit", resolve));
    started.kill("SIGKILL");
    await ended;
    expect(lines().map(({ event, requestId, end }) => [event, requestId, end])).toEqual([
      ["dispatch", "id-1", "open"],
      ["completion", "id-1", "served"],
      ["dispatch", "id-1", "open"],
    ]);
    expect(lines()[1]?.completionTokens).toBe(answer.usage?.completion_tokens);
  });
});
