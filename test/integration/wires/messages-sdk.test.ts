import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

const model = "gpt-test";
const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Tell me a fun fact." }];
const tools: Anthropic.Tool[] = [
  {
    name: "get_weather",
    description: "The weather of a city.",
    input_schema: { type: "object", properties: { city: { type: "string" } } },
  },
];

let upstream: ScriptedUpstream;
let gateway: TestGateway;
let client: Anthropic;
let keyText: string;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: fastFlush + makeModelConfig(upstream.url, model, "retries = 0\ntimeouts = { first_byte_ms = 500 }"),
  });
  keyText = (await gateway.makeKey()).text;
  client = new Anthropic({ apiKey: keyText, baseURL: gateway.url, maxRetries: 0 });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

async function catchError(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

describe("the official Anthropic client, unchanged, before a provider that speaks OpenAI's wire", () => {
  it("creates a message, priced and metered once under the surface's name", async () => {
    const { data, response } = await client.messages
      .create({ model: "echo::any", max_tokens: 50, system: "Be brief.", messages })
      .withResponse();
    expect(data).toMatchObject({
      type: "message",
      role: "assistant",
      model: "echo::any",
      content: [{ type: "text", text: "Tell me a fun fact." }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 7, output_tokens: 5, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
    });
    expect(data.id).toMatch(/^msg_[0-9a-f]{32}$/);
    expect(response.headers.get("x-tollgate-cost-usd")).toBe("0.000017");
    expect(await findEventOf(gateway, response)).toMatchObject({
      endpoint: "messages",
      model: "echo::any",
      status: 200,
      input_tokens: "7",
      output_tokens: "5",
    });
  });

  it("streams the same words as it creates, in Anthropic's order of events", async () => {
    const whole = await client.messages.create({ model, max_tokens: 50, messages });
    const kinds: string[] = [];
    const stream = client.messages.stream({ model, max_tokens: 50, messages });
    stream.on("streamEvent", (event) => kinds.push(event.type));
    const final = await stream.finalMessage();
    expect(final.content).toEqual(whole.content);
    expect(final.stop_reason).toBe(whole.stop_reason);
    expect(final.usage).toMatchObject({ ...whole.usage });
    const middle = kinds.slice(2, -3);
    expect(kinds.slice(0, 2)).toEqual(["message_start", "content_block_start"]);
    expect(new Set(middle)).toEqual(new Set(["content_block_delta"]));
    expect(kinds.slice(-3)).toEqual(["content_block_stop", "message_delta", "message_stop"]);
    expect(middle.length).toBeGreaterThan(1);
  });

  it("calls tools, takes their results, and streams the call", async () => {
    const asked = { model, max_tokens: 50, messages, tools, tool_choice: { type: "any" as const } };
    const first = await client.messages.create(asked);
    expect(first.stop_reason).toBe("tool_use");
    const [use] = first.content;
    if (use?.type !== "tool_use") throw new Error("no tool was called");
    expect(use.name).toBe("get_weather");
    expect(use.input).toBeTypeOf("object");
    const streamed = await client.messages.stream(asked).finalMessage();
    expect(streamed.content).toMatchObject([{ type: "tool_use", name: "get_weather", input: use.input }]);
    expect(streamed.stop_reason).toBe("tool_use");
    await client.messages.create({
      model,
      max_tokens: 50,
      tools,
      messages: [
        ...messages,
        { role: "assistant", content: first.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "sun" }] },
      ],
    });
    const sent = JSON.parse(upstream.log.at(-1)?.body ?? "{}") as { messages: object[]; tools: object[] };
    expect(sent.messages).toMatchObject([
      { role: "user", content: "Tell me a fun fact." },
      { role: "assistant", content: null, tool_calls: [{ id: use.id, function: { name: "get_weather" } }] },
      { role: "tool", tool_call_id: use.id, content: "sun" },
    ]);
    expect(sent.tools).toMatchObject([{ type: "function", function: { name: "get_weather" } }]);
  });

  it("sends pictures and stop sequences on, and nothing that the provider would not know", async () => {
    const tuned = { temperature: 0.5, top_k: 5 };
    await client.messages.create({
      ...tuned,
      model,
      max_tokens: 9,
      stop_sequences: ["END"],
      metadata: { user_id: "u1" },
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "What is it?", cache_control: { type: "ephemeral" } },
            { type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } },
          ],
        },
      ],
    });
    expect(JSON.parse(upstream.log.at(-1)?.body ?? "{}")).toEqual({
      model,
      max_tokens: 9,
      stop: ["END"],
      temperature: 0.5,
      user: "u1",
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "What is it?" },
            { type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } },
          ],
        },
      ],
    });
  });

  it("can be aborted in the middle of a stream", async () => {
    upstream.script({ tokensPerSecond: 50, tokens: 60 });
    const { data: stream, response } = await client.messages
      .create({ model, max_tokens: 500, messages, stream: true })
      .withResponse();
    let seen = 0;
    for await (const event of stream) {
      seen++;
      if (event.type === "content_block_delta") break;
    }
    expect(seen).toBeGreaterThan(1);
    expect(await findEventOf(gateway, response)).toMatchObject({
      endpoint: "messages",
      status: 499,
      code: "client_closed_request",
    });
  });

  it("tells errors by the client's own classes, in Anthropic's shape", async () => {
    const limited = (await gateway.makeKey({ models: ["other-*"] })).text;
    const make = (apiKey: string): Anthropic => new Anthropic({ apiKey, baseURL: gateway.url, maxRetries: 0 });
    const bad = make("prod_000000000000_none");
    const body = { model, max_tokens: 5, messages };
    for (const [work, kind, status, type] of [
      [() => bad.messages.create(body), Anthropic.AuthenticationError, 401, "authentication_error"],
      [() => make(limited).messages.create(body), Anthropic.PermissionDeniedError, 403, "permission_error"],
      [() => client.messages.create({ ...body, model: "none" }), Anthropic.NotFoundError, 404, "not_found_error"],
      [
        () => client.messages.create({ ...body, max_tokens: 0 }),
        Anthropic.BadRequestError,
        400,
        "invalid_request_error",
      ],
      [
        () => client.messages.create({ ...body, tools: [{ type: "web_search_20250305", name: "web_search" }] }),
        Anthropic.BadRequestError,
        400,
        "invalid_request_error",
      ],
    ] as const) {
      const error = await catchError(work());
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({ status, error: { type: "error", error: { type } } });
      expect((error as { error: { request_id: string } }).error.request_id).toMatch(/^[0-9a-f-]{36}$/);
    }
    for (const [script, kind, status] of [
      [{ status: 400 }, Anthropic.BadRequestError, 400],
      [{ status: 429 }, Anthropic.RateLimitError, 429],
      [{ status: 500 }, Anthropic.InternalServerError, 502],
      [{ status: 401 }, Anthropic.InternalServerError, 502],
    ] as const) {
      upstream.script(script);
      const error = await catchError(client.messages.create(body));
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({ status, error: { type: "error" } });
    }
  });

  it("throws where a stream breaks in the middle, and never sees it end", async () => {
    upstream.script({ dropAtByte: 1_500 });
    const kinds: string[] = [];
    const read = async (): Promise<void> => {
      const stream = await client.messages.create({ model, max_tokens: 400, messages, stream: true });
      for await (const event of stream) kinds.push(event.type);
    };
    const error = await catchError(read());
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(kinds).toContain("content_block_delta");
    expect(kinds).not.toContain("message_stop");
  });

  it("takes the key as x-api-key or as bearer, and refuses two that differ", async () => {
    const asBearer = new Anthropic({ authToken: keyText, apiKey: null, baseURL: gateway.url, maxRetries: 0 });
    expect((await asBearer.messages.create({ model, max_tokens: 5, messages })).type).toBe("message");
    const call = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${gateway.url}/v1/messages`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ model, max_tokens: 5, messages }),
      });
    expect((await call({ "x-api-key": keyText, authorization: `Bearer ${keyText}` })).status).toBe(200);
    for (const other of ["other", (await gateway.makeKey()).text]) {
      const refused = await call({ "x-api-key": keyText, authorization: `Bearer ${other}` });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ type: "error", error: { type: "invalid_request_error" } });
    }
    const none = await call({});
    expect([none.status, none.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    // Nowhere else.
    const chat = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": keyText },
      body: JSON.stringify({ model, messages: [] }),
    });
    expect(chat.status).toBe(401);
  });

  it("counts tokens for nothing", async () => {
    const { data, response } = await client.messages
      .countTokens({ model: "echo::any", system: "Be brief.", messages })
      .withResponse();
    expect(data).toEqual({ input_tokens: 7 });
    expect(response.headers.get("x-tollgate-cost-usd")).toBe("0");
    const counted = await client.messages.countTokens({ model, messages, tools });
    expect(counted.input_tokens).toBeGreaterThan(10);
    expect(await catchError(client.messages.countTokens({ model: "none", messages }))).toBeInstanceOf(
      Anthropic.NotFoundError,
    );
    const after = await client.messages.create({ model, max_tokens: 5, messages }).asResponse();
    await findEventOf(gateway, after);
    expect((await gateway.listEvents(0)).every(({ endpoint }) => endpoint === "messages")).toBe(true);
    expect(upstream.log.every(({ path }) => path === "/v1/chat/completions")).toBe(true);
  });
});
