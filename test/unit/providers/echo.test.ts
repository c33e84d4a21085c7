import type { ChatCompletion, ChatCompletionChunk, Completion, CreateEmbeddingResponse } from "openai/resources";
import { afterAll, describe, expect, it } from "vitest";
import { openClock } from "../../../server/platform/clock.ts";
import { openEcho } from "../../../server/providers/echo.ts";
import type { EchoBehaviour, UpstreamCall, UpstreamRequest } from "../../../server/providers/types.ts";
import { makeChat, makeRequest, makeTarget } from "../../support/scripted-request.ts";
import { makeScriptedSink, type ScriptedSink } from "../../support/scripted-sink.ts";

const provider = openEcho({ clock: openClock() });
afterAll(() => provider.close());
const quick: EchoBehaviour = { delayMs: 0, tokensPerSecond: 0, failWithStatus: 0 };

async function ask(request: UpstreamRequest, echo: Partial<EchoBehaviour> = {}, outputTokensMax: number | null = null) {
  const sink = makeScriptedSink();
  provider.send(makeTarget(null, { echo: { ...quick, ...echo }, outputTokensMax }), request, sink);
  expect(sink.calls).toEqual([]);
  const { end, afterMs } = await sink.ended;
  expect(end).toBe("end");
  return { sink, afterMs };
}

const parse = (sink: ScriptedSink): ChatCompletion => JSON.parse(sink.text());
const parseCompletion = (sink: ScriptedSink): Completion => JSON.parse(sink.text());
const parseEmbeddings = (sink: ScriptedSink): CreateEmbeddingResponse => JSON.parse(sink.text());
const parseError = (sink: ScriptedSink): { error: object } => JSON.parse(sink.text());
const say = (text: unknown, more = {}) =>
  makeRequest({ model: "echo", messages: [{ role: "user", content: text }], ...more });

/** Output and input tokens by the contract: one per four bytes of UTF-8, rounded up. */
const count = (text: string): number => Math.ceil(Buffer.byteLength(text) / 4);

describe("chat", () => {
  it("answers with the last user message and counts all messages", async () => {
    const messages = [
      { role: "system", content: "Be kind." },
      { role: "user", content: "first" },
      { role: "assistant", content: "ja" },
      {
        role: "user",
        content: [
          { type: "text", text: "Zürich " },
          { type: "image_url", image_url: { url: "x" } },
          { type: "text", text: "🙂" },
        ],
      },
    ];
    const { sink } = await ask(makeRequest({ model: "echo", messages }));
    const body = parse(sink);
    expect(sink.status).toBe(200);
    expect(sink.headers["content-type"]).toBe("application/json");
    expect(body).toMatchObject({
      id: "chatcmpl-018f0000-0000-7000-8000-000000000001",
      object: "chat.completion",
      model: "scripted-model",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Zürich 🙂", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
    });
    const input = count("Be kind.firstjaZürich 🙂");
    expect(body.usage).toMatchObject({ prompt_tokens: input, completion_tokens: 3, total_tokens: input + 3 });
  });

  it.each(["max_tokens", "max_completion_tokens"])("keeps within %s, and cuts between characters", async (cap) => {
    const body = parse((await ask(say("🙂üx🙂🙂", { [cap]: 2 }))).sink);
    // Eight bytes would end inside the second smiley.
    expect(body.choices[0]).toMatchObject({ message: { content: "🙂üx" }, finish_reason: "length" });
    expect(body.usage?.completion_tokens).toBe(2);
  });

  it("keeps within the model's own cap", async () => {
    const body = parse((await ask(say("eight by tes"), {}, 2)).sink);
    expect(body.choices[0]).toMatchObject({ message: { content: "eight by" }, finish_reason: "length" });
  });

  it("gives n choices and counts each", async () => {
    const body = parse((await ask(say("four", { n: 3 }))).sink);
    expect(body.choices.map((choice) => choice.index)).toEqual([0, 1, 2]);
    expect(body.usage?.completion_tokens).toBe(3);
  });

  it("calls the function that the caller forces", async () => {
    const tools = ["a", "b"].map((name) => ({ type: "function", function: { name, parameters: {} } }));
    const named = parse(
      (await ask(say("x", { tools, tool_choice: { type: "function", function: { name: "b" } } }))).sink,
    );
    expect(named.choices[0]).toMatchObject({
      message: { content: null, tool_calls: [{ type: "function", function: { name: "b", arguments: "{}" } }] },
      finish_reason: "tool_calls",
    });
    const required = parse((await ask(say("x", { tools, tool_choice: "required" }))).sink);
    expect(required.choices[0]?.message.tool_calls).toMatchObject([{ function: { name: "a" } }]);
    const free = parse((await ask(say("x", { tools, tool_choice: "auto" }))).sink);
    expect(free.choices[0]?.message.content).toBe("x");
  });

  it.each(["json_object", "json_schema"])("answers JSON when %s is asked for", async (type) => {
    const response_format = { type };
    const content = async (text: string) =>
      parse((await ask(say(text, { response_format }))).sink).choices[0]?.message.content;
    expect(await content('{"a":1}')).toBe('{"a":1}');
    expect(await content("plain")).toBe('{"echo":"plain"}');
  });

  it.each([
    ["no messages", { model: "echo" }],
    ["a message that is no object", { model: "echo", messages: ["x"] }],
    ["n out of range", { model: "echo", messages: [], n: 1000 }],
  ])("answers 400 to %s", async (_name, json) => {
    const { sink } = await ask(makeRequest(json));
    expect(sink.status).toBe(400);
    expect(parseError(sink).error).toMatchObject({ type: "invalid_request_error", param: null });
  });
});

describe("chat streams", () => {
  const frames = (sink: ScriptedSink): ChatCompletionChunk[] => {
    const events = sink.text().split("\n\n");
    expect(events.pop()).toBe("");
    expect(events.pop()).toBe("data: [DONE]");
    return events.map((event) => JSON.parse(event.replace(/^data: /, "")) as ChatCompletionChunk);
  };

  it("send the role, then word by word, then the reason", async () => {
    const text = 'a "quoted"\n\nline\u2028 \r\n and 🙂  ';
    const { sink } = await ask(say(text, { stream: true }));
    expect(sink.headers["content-type"]).toContain("text/event-stream");
    const all = frames(sink);
    expect(all[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "", refusal: null });
    expect(all.at(-1)?.choices[0]).toMatchObject({ delta: {}, finish_reason: "stop" });
    const words = all.slice(1, -1).map((frame) => String(frame.choices[0]?.delta.content));
    expect(words.length).toBe(6);
    expect(words.join("")).toBe(text);
    expect(all.every((frame) => frame.object === "chat.completion.chunk" && frame.usage === undefined)).toBe(true);
  });

  it("end with the usage when it is asked for", async () => {
    const all = frames((await ask(say("one two", { stream: true, stream_options: { include_usage: true } }))).sink);
    expect(all.slice(0, -1).every((frame) => frame.usage === null)).toBe(true);
    expect(all.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 },
    });
  });

  it("stream a forced call", async () => {
    const tools = [{ type: "function", function: { name: "f" } }];
    const all = frames((await ask(say("x", { stream: true, tools, tool_choice: "required" }))).sink);
    const deltas = all.map((frame) => frame.choices[0]?.delta.tool_calls?.[0]);
    expect(deltas[1]).toMatchObject({ index: 0, type: "function", function: { name: "f", arguments: "" } });
    expect(deltas[2]).toEqual({ index: 0, function: { arguments: "{}" } });
    expect(all.at(-1)?.choices[0]?.finish_reason).toBe("tool_calls");
  });

  it("give way to other work within a long answer, and stop while paused", async () => {
    const text = "word ".repeat(50_000);
    let turns = 0;
    const turn = setInterval(() => turns++, 0);
    let call: UpstreamCall | null = null;
    let largest = 0;
    let afterPause = 0;
    let paused = false;
    const sink = makeScriptedSink({
      onData(chunk) {
        largest = Math.max(largest, chunk.length);
        if (paused) afterPause++;
        if (sink.chunks.length !== 5) return;
        call?.pause();
        paused = true;
        setTimeout(() => {
          paused = false;
          call?.resume();
        }, 20);
      },
    });
    call = provider.send(makeTarget(null), say(text, { stream: true }), sink);
    expect((await sink.ended).end).toBe("end");
    clearInterval(turn);
    expect(afterPause).toBe(0);
    expect(turns).toBeGreaterThan(10);
    expect(largest).toBeLessThan(32 * 1024);
    expect(
      frames(sink)
        .map((frame) => frame.choices[0]?.delta.content ?? "")
        .join(""),
    ).toBe(text);
  });
});

describe("completions and embeddings", () => {
  it("completions answer each prompt", async () => {
    const body = parseCompletion(
      (await ask(makeRequest({ model: "echo", prompt: ["one", "two"] }, "completions"))).sink,
    );
    expect(body.object).toBe("text_completion");
    expect(body.choices.map((choice) => choice.text)).toEqual(["one", "two"]);
    expect(body.usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 2 });
    const { sink } = await ask(makeRequest({ model: "echo", prompt: "a b", stream: true }, "completions"));
    expect(sink.text()).toContain('"text":" b"');
    expect(sink.text().endsWith("data: [DONE]\n\n")).toBe(true);
  });

  it("embeddings are unit vectors of the text, the same in both encodings", async () => {
    const embed = async (more: object) =>
      parseEmbeddings((await ask(makeRequest({ model: "echo", input: ["a", "b", "a"], ...more }, "embeddings"))).sink);
    const floats = await embed({});
    const vectors = floats.data.map((item) => item.embedding);
    expect(vectors.map((vector) => vector.length)).toEqual([8, 8, 8]);
    expect(vectors[0]).toEqual(vectors[2]);
    expect(vectors[0]).not.toEqual(vectors[1]);
    for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
    expect(floats.usage).toEqual({ prompt_tokens: 1, total_tokens: 1 });
    const packed = await embed({ encoding_format: "base64" });
    const bytes = Buffer.from(String(packed.data[0]?.embedding), "base64");
    expect(Array.from({ length: 8 }, (_, i) => bytes.readFloatLE(i * 4))).toEqual(vectors[0]);
    expect((await embed({ dimensions: 256 })).data[1]?.embedding?.length).toBe(256);
  });

  it("counts a list of tokens as tokens", async () => {
    const body = parseEmbeddings(
      (await ask(makeRequest({ model: "echo", input: [[1, 2, 3], [4]] }, "embeddings"))).sink,
    );
    expect(body.usage?.prompt_tokens).toBe(4);
  });
});

describe("behaviour", () => {
  it("delays, and paces JSON and streams by tokens", async () => {
    const text = "one two three four five";
    const [late, json, stream] = await Promise.all([
      ask(say("x"), { delayMs: 100 }),
      ask(say(text), { tokensPerSecond: 50 }),
      ask(say(text, { stream: true }), { tokensPerSecond: 50 }),
    ]);
    expect(late.afterMs).toBeGreaterThan(95);
    expect(json.afterMs).toBeGreaterThan(count(text) * 20 - 5);
    expect(stream.afterMs).toBeGreaterThan(count(text) * 20 - 5);
    // On a busy machine words that are late come together.
    expect(stream.sink.chunks.length).toBeGreaterThanOrEqual(3);
  });

  it("fails with the status it was told, in OpenAI's shape", async () => {
    for (const [status, type] of [
      [429, "rate_limit_error"],
      [503, "server_error"],
      [404, "invalid_request_error"],
    ] as const) {
      const { sink } = await ask(makeChat("echo"), { failWithStatus: status });
      expect(sink.status).toBe(status);
      expect(parseError(sink).error).toMatchObject({ type, code: null });
    }
  });

  it("calls nothing after an abort, and ends what runs as aborted when it closes", async () => {
    const own = openEcho({ clock: openClock() });
    const gone = makeScriptedSink();
    own.send(makeTarget(null), say("x"), gone).abort();
    let call: UpstreamCall | null = null;
    const cut = makeScriptedSink({ onHead: () => call?.abort() });
    call = own.send(makeTarget(null), say("x"), cut);
    const slow = makeScriptedSink();
    own.send(makeTarget(null, { echo: { ...quick, delayMs: 60_000 } }), say("x"), slow);
    await ask(say("later"));
    await own.close();
    expect((await slow.ended).end).toBe("aborted");
    expect(gone.calls).toEqual([]);
    expect(cut.calls).toEqual(["head"]);
  });
});
