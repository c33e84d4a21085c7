import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

const model = "gpt-test";
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const functions = `
[functions.haiku]
type = "chat"
[functions.haiku.variants.plain]
model = "${model}"
weight = 0
[functions.haiku.variants.told]
model = "${model}"
weight = 1
system_text = "You write haikus."
temperature = 0.3
[functions.facts]
type = "json"
output_schema = { type = "object", properties = { fact = { type = "string" } } }
[functions.facts.variants.only]
model = "echo::facts"
`;
const input = { messages: [{ role: "user", content: "Tell me a fun fact." }] };

let upstream: ScriptedUpstream;
let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: `${fastFlush}${makeModelConfig(upstream.url, model, "retries = 0")}${functions}`,
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const infer = (body: object, bearer = key): Promise<Response> => gateway.call("/inference", body, bearer);
const readSent = (): Record<string, unknown> => JSON.parse(upstream.log.at(-1)?.body ?? "{}") as never;

/** The chunks of a stream and whether it ended as TensorZero's do. */
async function readChunks(response: Response): Promise<{ chunks: Record<string, unknown>[]; isDone: boolean }> {
  const data = (await response.text())
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => event.replace(/^data: /, ""));
  const isDone = data.at(-1) === "[DONE]";
  return { chunks: data.filter((text) => text !== "[DONE]").map((text) => JSON.parse(text) as never), isDone };
}

describe("POST /inference", () => {
  it("answers a model in TensorZero's shape, priced and metered once", async () => {
    const response = await infer({ model_name: "echo::fact", input, tags: { customer: "c1" } });
    expect(response.status).toBe(200);
    const answer = (await response.json()) as Record<string, unknown>;
    expect(answer).toEqual({
      inference_id: response.headers.get("x-request-id"),
      episode_id: expect.stringMatching(uuid) as string,
      variant_name: "echo::fact",
      content: [{ type: "text", text: "Tell me a fun fact." }],
      usage: { input_tokens: 5, output_tokens: 5, cost: 0.000015 },
      finish_reason: "stop",
    });
    expect(await findEventOf(gateway, response)).toMatchObject({
      endpoint: "inference",
      model: "echo::fact",
      status: 200,
      request_tags: { customer: "c1" },
    });
  });

  it("streams chunks, the last with the usage, then [DONE]", async () => {
    const { chunks, isDone } = await readChunks(await infer({ model_name: "echo::fact", input, stream: true }));
    expect(isDone).toBe(true);
    const text = chunks.flatMap(({ content }) => content as { text: string }[]).map((block) => block.text);
    expect(text.join("")).toBe("Tell me a fun fact.");
    expect(chunks.at(-1)).toMatchObject({
      content: [],
      usage: { input_tokens: 5, output_tokens: 5, cost: 0.000015 },
      finish_reason: "stop",
    });
    expect(chunks.every(({ usage }, index) => (usage === undefined) === index < chunks.length - 1)).toBe(true);
    expect(new Set(chunks.map(({ inference_id: id, episode_id: episode }) => `${id} ${episode}`)).size).toBe(1);
  });

  it("calls a function: its variant by weight or by name, with its system text and its tuning", async () => {
    const response = await infer({
      function_name: "haiku",
      input: { ...input, system: "About tea." },
      params: { chat_completion: { max_tokens: 20, stop_sequences: ["END"] } },
    });
    expect(await response.json()).toMatchObject({ variant_name: "told", content: [{ type: "text" }] });
    expect(readSent()).toMatchObject({
      model,
      messages: [
        { role: "system", content: "You write haikus." },
        { role: "system", content: "About tea." },
        { role: "user", content: "Tell me a fun fact." },
      ],
      temperature: 0.3,
      max_tokens: 20,
      stop: ["END"],
    });
    const named = await infer({ function_name: "haiku", variant_name: "plain", input });
    expect(await named.json()).toMatchObject({ variant_name: "plain" });
    expect(readSent().messages).toHaveLength(1);
    expect(await findEventOf(gateway, named)).toMatchObject({ model, endpoint: "inference" });
  });

  it("answers a JSON function with its output, raw and parsed", async () => {
    const asked = { function_name: "facts", input: { messages: [{ role: "user", content: '{"fact":"tea"}' }] } };
    expect(await (await infer(asked)).json()).toMatchObject({
      variant_name: "only",
      output: { raw: '{"fact":"tea"}', parsed: { fact: "tea" } },
    });
    const { chunks, isDone } = await readChunks(await infer({ ...asked, stream: true }));
    expect([isDone, chunks.map(({ raw }) => raw).join("")]).toEqual([true, '{"fact":"tea"}']);
  });

  it("takes tools, their calls and their results", async () => {
    const tool = { name: "get_weather", description: "d", parameters: { type: "object" } };
    const tools = { additional_tools: [tool], tool_choice: { specific: "get_weather" } };
    const first = (await (await infer({ model_name: model, input, ...tools })).json()) as {
      content: { type: string; id: string; raw_arguments: string }[];
    };
    expect(first).toMatchObject({
      content: [{ type: "tool_call", raw_name: "get_weather" }],
      finish_reason: "tool_call",
    });
    const [call] = first.content;
    const { chunks } = await readChunks(await infer({ model_name: model, input, ...tools, stream: true }));
    const pieces = chunks.flatMap(({ content }) => content as { type: string; raw_arguments: string; id: string }[]);
    expect(pieces.map((piece) => piece.raw_arguments).join("")).toBe(call?.raw_arguments);
    expect(new Set(pieces.map((piece) => piece.id)).size).toBe(1);
    await infer({
      model_name: model,
      input: {
        messages: [
          { role: "user", content: [{ type: "text", text: "Weather?" }] },
          { role: "assistant", content: [{ type: "tool_call", id: "c1", name: "get_weather", arguments: "{}" }] },
          { role: "user", content: [{ type: "tool_result", id: "c1", name: "get_weather", result: "sun" }] },
        ],
      },
    });
    expect(readSent().messages).toEqual([
      { role: "user", content: "Weather?" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c1", type: "function", function: { name: "get_weather", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "c1", content: "sun" },
    ]);
  });

  it("keeps an episode's id and its variant", async () => {
    const { episode_id: episode } = (await (await infer({ function_name: "haiku", input })).json()) as {
      episode_id: string;
    };
    expect(await (await infer({ function_name: "haiku", input, episode_id: episode })).json()).toMatchObject({
      episode_id: episode,
      variant_name: "told",
    });
  });

  it.each([
    ["both", { function_name: "haiku", model_name: model, input }, 400, "function_name"],
    ["neither", { input }, 400, "function_name"],
    ["an unknown function", { function_name: "nope", input }, 404, "Unknown function: nope"],
    ["an unknown variant", { function_name: "haiku", variant_name: "nope", input }, 404, "Unknown variant: nope"],
    ["an unknown model", { model_name: "nope", input }, 404, "`nope` does not exist"],
    ["no input", { model_name: model }, 400, "`input`"],
    ["a template", { model_name: model, input: { system: { a: 1 } } }, 400, "`input.system`"],
    [
      "a block",
      { model_name: model, input: { messages: [{ role: "user", content: [{ type: "template" }] }] } },
      400,
      "`input.messages.0.content.0`",
    ],
    ["a field", { model_name: model, input, extra_body: [{ a: 1 }] }, 400, "`extra_body` is not supported"],
    ["an unknown field", { model_name: model, input, modle: 1 }, 400, "`modle` is not known"],
    [
      "a parameter",
      { model_name: model, input, params: { chat_completion: { top_k: 1 } } },
      400,
      "`params.chat_completion.top_k`",
    ],
    ["an episode", { model_name: model, input, episode_id: "1" }, 400, "`episode_id`"],
    ["a tag", { model_name: model, input, tags: { "tensorzero::x": "1" } }, 400, "Tag name cannot start with"],
    ["no JSON", "{", 400, "not valid JSON"],
  ])("refuses %s, and names it", async (_what, body, status, text) => {
    const response = await gateway.call("/inference", body, key);
    expect(response.status).toBe(status);
    const { error, ...rest } = (await response.json()) as { error: string };
    expect(rest).toEqual({});
    expect(error).toContain(text);
  });

  it("tells what TensorZero's clients look for in a 401, and no more of an unknown key than of a malformed one", async () => {
    const bodies = await Promise.all(
      ["prod_000000000000_none", "sk-t0-short"].map(async (bad) => {
        const response = await infer({ model_name: model, input }, bad);
        expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
        return response.text();
      }),
    );
    expect(bodies[0]).toBe(bodies[1]);
    expect(JSON.parse(bodies[0] as string)).toEqual({
      error:
        "TensorZero authentication error: Error performing authentication: Provided API key does not exist in the database",
    });
    const none = await fetch(`${gateway.url}/inference`, { method: "POST", body: "{}" });
    expect(await none.json()).toMatchObject({ error: expect.stringContaining("Authorization header is required") });
  });

  it("never sends a client's credentials on, nor into a log", async () => {
    const secret = "sk-dynamic-1234567890abcdef";
    const response = await infer({ model_name: model, input, credentials: { code: secret } });
    expect(response.status).toBe(200);
    expect(upstream.log.at(-1)?.body).not.toContain("credentials");
    expect(JSON.stringify(upstream.log) + gateway.logLines.join("")).not.toContain(secret);
    const wrong = await infer({ model_name: model, input, credentials: { a: 1, b: secret } });
    expect(wrong.status).toBe(400);
    expect(await wrong.text()).not.toContain(secret);
  });

  it("tells a provider's error, and a stream's end that did not come", async () => {
    upstream.script({ status: 400 });
    const refused = await infer({ model_name: model, input });
    expect([refused.status, Object.keys((await refused.json()) as object)]).toEqual([400, ["error"]]);
    upstream.script({ dropAtByte: 1_500 });
    const { chunks, isDone } = await readChunks(await infer({ model_name: model, input, stream: true }));
    expect(isDone).toBe(false);
    expect(chunks.at(-1)).toEqual({ error: expect.any(String) });
  });

  it("has no feedback, and says so behind a key only", async () => {
    const response = await gateway.call("/feedback", { metric_name: "m", value: true }, key);
    expect([response.status, await response.json()]).toEqual([
      404,
      { error: "Feedback is not supported: this gateway keeps no inferences." },
    ]);
    expect((await gateway.call("/feedback", {}, "bad")).status).toBe(401);
  });
});
