import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ByteUpstream, openByteUpstream } from "../../support/byte-upstream.ts";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

const model = "gpt-test";
const input = "Tell me a fun fact.";
const tools: OpenAI.Responses.Tool[] = [
  { type: "function", name: "get_weather", strict: true, parameters: { type: "object", properties: {} } },
];
const usage = {
  input_tokens: 20,
  input_tokens_details: { cached_tokens: 5 },
  output_tokens: 9,
  output_tokens_details: { reasoning_tokens: 4 },
  total_tokens: 29,
};
/** What a provider that has the wire itself answers. */
const nativeAnswer = { id: "resp_native", object: "response", status: "completed", model, output: [], usage };
const nativeEvents = [
  { type: "response.created", response: { ...nativeAnswer, status: "in_progress", usage: null } },
  { type: "response.output_text.delta", delta: "hi .completed [DONE] error", item_id: "m", output_index: 0 },
  { type: "response.completed", response: nativeAnswer },
].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);

let upstream: ScriptedUpstream;
let native: ByteUpstream;
let gateway: TestGateway;
let client: OpenAI;
let key: string;
let nativeBodies: Record<string, unknown>[] = [];

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  native = await openByteUpstream((json) => {
    nativeBodies.push(json);
    if (json.stream !== true)
      return {
        pieces: [Buffer.from(JSON.stringify(nativeAnswer))],
        end: "end",
        headers: { "content-type": "application/json" },
      };
    const cut = json.user === "cut";
    return { pieces: [Buffer.from(nativeEvents.slice(0, cut ? 2 : 3).join(""))], end: cut ? "drop" : "end" };
  });
  gateway = await openTestGateway({
    config: `${fastFlush}${makeModelConfig(upstream.url, model, "retries = 0")}
[models.native]
routing = ["up"]
[models.native.providers.up]
type = "openai"
model_name = "gpt-real"
api_base = "${native.url}/v1"
api_key_location = "none"
retries = 0
[prices.native]
input_usd_per_million = 1
output_usd_per_million = 2
`,
  });
  key = (await gateway.makeKey()).text;
  client = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  await native.close();
});

const readSent = (): Record<string, unknown> => JSON.parse(upstream.log.at(-1)?.body ?? "{}") as never;

async function catchError(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

describe("responses, before a provider that has chat completions only", () => {
  it("are created, priced and metered once under their own name", async () => {
    const { data, response } = await client.responses
      .create({ model: "echo::any", input, instructions: "Be brief.", max_output_tokens: 50 })
      .withResponse();
    expect(data.output_text).toBe(input);
    expect(data).toMatchObject({
      object: "response",
      status: "completed",
      model: "echo::any",
      incomplete_details: null,
      usage: { input_tokens: 7, output_tokens: 5, total_tokens: 12, input_tokens_details: { cached_tokens: 0 } },
    });
    expect(await findEventOf(gateway, response)).toMatchObject({
      endpoint: "responses",
      status: 200,
      model: "echo::any",
    });
  });

  it("stream in OpenAI's order of events, and the client's own helper puts them together", async () => {
    const stream = client.responses.stream({ model, input });
    const types: string[] = [];
    const sequence: number[] = [];
    stream.on("event", (event) => {
      types.push(event.type);
      sequence.push((event as { sequence_number: number }).sequence_number);
    });
    const final = await stream.finalResponse();
    const whole = await client.responses.create({ model, input });
    expect(final.output_text).toBe(whole.output_text);
    expect(final.output.map(({ type }) => type)).toEqual(whole.output.map(({ type }) => type));
    expect(final.usage).toEqual(whole.usage);
    expect(types.slice(0, 4)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
    ]);
    expect(types.slice(-4)).toEqual([
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(sequence).toEqual(sequence.map((_, index) => index));
  });

  it("call tools, take their results, and stream the calls", async () => {
    const asked = { model, input, tools, tool_choice: "required" as const };
    const first = await client.responses.create(asked);
    const [call] = first.output;
    if (call?.type !== "function_call") throw new Error("no call");
    const streamed = await client.responses.stream(asked).finalResponse();
    expect(streamed.output).toMatchObject([{ type: "function_call", name: call.name, arguments: call.arguments }]);
    await client.responses.create({
      model,
      tools,
      reasoning: { effort: "low" },
      text: { format: { type: "json_schema", name: "n", schema: { type: "object" }, strict: true } },
      input: [
        { role: "developer", content: "Be kind." },
        {
          role: "user",
          content: [
            { type: "input_text", text: "Weather?" },
            { type: "input_image", image_url: "data:image/png;base64,aGk=", detail: "low" },
          ],
        },
        call,
        { type: "function_call_output", call_id: call.call_id, output: "sun" },
      ],
    });
    expect(readSent()).toEqual({
      model,
      messages: [
        { role: "system", content: "Be kind." },
        {
          role: "user",
          content: [
            { type: "text", text: "Weather?" },
            { type: "image_url", image_url: { url: "data:image/png;base64,aGk=", detail: "low" } },
          ],
        },
        {
          role: "assistant",
          content: null,
          tool_calls: [
            { id: call.call_id, type: "function", function: { name: call.name, arguments: call.arguments } },
          ],
        },
        { role: "tool", tool_call_id: call.call_id, content: "sun" },
      ],
      tools: [
        {
          type: "function",
          function: { name: "get_weather", strict: true, parameters: { type: "object", properties: {} } },
        },
      ],
      reasoning_effort: "low",
      response_format: { type: "json_schema", json_schema: { name: "n", schema: { type: "object" }, strict: true } },
    });
  });

  it("say where the answer was cut", async () => {
    const cut = await client.responses.create({ model: "echo::any", input, max_output_tokens: 2 });
    expect(cut).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });

  it.each([
    ["store", { store: true }],
    ["previous_response_id", { previous_response_id: "resp_1" }],
    ["background", { background: true }],
    ["conversation", { conversation: "conv_1" }],
    ["tools.0.type", { tools: [{ type: "web_search" }] }],
    ["input.0.type", { input: [{ type: "item_reference", id: "x" }] }],
    ["max_output_tokens", { max_output_tokens: 0 }],
    ["stream", { stream: 1 }],
  ])("refuse %s, which nobody could do", async (param, more) => {
    const error = await catchError(client.responses.create({ model, input, ...more } as never));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ param, code: "invalid_request" });
  });

  it("throw where a stream breaks, and never see it completed", async () => {
    upstream.script({ dropAtByte: 1_500 });
    const types: string[] = [];
    const read = async (): Promise<void> => {
      for await (const event of await client.responses.create({ model, input, stream: true })) types.push(event.type);
    };
    expect(await catchError(read())).toBeInstanceOf(OpenAI.APIError);
    expect(types).toContain("response.output_text.delta");
    expect(types).not.toContain("response.completed");
  });
});

describe("responses, before a provider that has them itself", () => {
  it("pass through byte for byte, but for the model's name, and are metered by what it reports", async () => {
    nativeBodies = [];
    const { data, response } = await client.responses
      .create({ model: "native", input, store: true, previous_response_id: "resp_0" })
      .withResponse();
    expect(data.id).toBe("resp_native");
    expect(nativeBodies).toEqual([{ model: "gpt-real", input, store: true, previous_response_id: "resp_0" }]);
    expect(await findEventOf(gateway, response)).toMatchObject({
      endpoint: "responses",
      input_tokens: "15",
      cached_input_tokens: "5",
      output_tokens: "5",
      usage_source: "reported",
    });
  });

  it("stream byte for byte", async () => {
    const body = { model: "native", input, stream: true };
    const response = await gateway.call("/v1/responses", body, key);
    expect(await response.text()).toBe(nativeEvents.join(""));
    expect(await findEventOf(gateway, response)).toMatchObject({
      status: 200,
      code: "",
      output_tokens: "5",
      usage_source: "reported",
    });
    const cut = await gateway.call("/v1/responses", { ...body, user: "cut" }, key);
    const text = await cut.text();
    expect(text.startsWith(nativeEvents.slice(0, 2).join(""))).toBe(true);
    expect(text).toMatch(/event: error\ndata: \{[^\n]*"code":"upstream_error"[^\n]*\}\n\n$/);
    expect(await findEventOf(gateway, cut)).toMatchObject({ status: 502, usage_source: "estimated" });
  });
});
