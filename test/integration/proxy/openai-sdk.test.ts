import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const model = "gpt-test";
const messages = [{ role: "user" as const, content: "Tell me a fun fact." }];
const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: "function",
    function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
  },
];
const schema = {
  type: "json_schema" as const,
  json_schema: {
    name: "fact",
    strict: true,
    schema: {
      type: "object",
      properties: { fact: { type: "string" }, sure: { type: "boolean" }, n: { type: "integer" } },
    },
  },
};
/** Goes to the provider untouched, which behaves as it says. */
const act = (script: string): { metadata: { script: string } } => ({ metadata: { script } });

let upstream: ScriptedUpstream;
let gateway: TestGateway;
let clients: { direct: OpenAI; through: OpenAI };

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: makeModelConfig(upstream.url, model, "retries = 0\ntimeouts = { first_byte_ms = 300 }"),
  });
  const { text } = await gateway.makeKey();
  const make = (url: string): OpenAI => new OpenAI({ apiKey: text, baseURL: `${url}/v1`, maxRetries: 0 });
  clients = { direct: make(upstream.url), through: make(gateway.url) };
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

/** What a program that uses the client can tell of an outcome. */
async function observe(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { status } = error as { status?: number };
    const name = error.constructor.name;
    return { error: name, ...(status === undefined ? {} : { status }), isApiError: error instanceof OpenAI.APIError };
  }
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

type Script = (client: OpenAI) => Promise<unknown>;

/** The same with both clients. */
const same: [what: string, script: Script][] = [
  ["chat", (client) => client.chat.completions.create({ model, messages })],
  [
    "chat with many options",
    (client) =>
      client.chat.completions.create({
        model,
        messages,
        max_completion_tokens: 5,
        temperature: 0.1,
        n: 1,
        seed: 7,
        user: "u",
        logprobs: false,
      }),
  ],
  ["a stream", async (client) => collect(await client.chat.completions.create({ model, messages, stream: true }))],
  [
    "a stream with its usage",
    async (client) =>
      collect(
        await client.chat.completions.create({
          model,
          messages,
          stream: true,
          stream_options: { include_usage: true },
        }),
      ),
  ],
  ["the stream runner", (client) => client.chat.completions.stream({ model, messages }).finalContent()],
  [
    "the stream runner's usage",
    (client) =>
      client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } }).totalUsage(),
  ],
  ["tools", (client) => client.chat.completions.create({ model, messages, tools, tool_choice: "required" })],
  [
    "tools in a stream",
    (client) => client.chat.completions.stream({ model, messages, tools, tool_choice: "required" }).finalMessage(),
  ],
  [
    "a tool runner",
    async (client) => {
      const asked: unknown[] = [];
      const runner = client.chat.completions.runTools(
        {
          model,
          messages,
          tool_choice: { type: "function", function: { name: "get_weather" } },
          tools: [
            {
              type: "function",
              function: {
                name: "get_weather",
                description: "",
                parse: JSON.parse,
                parameters: { type: "object" },
                function: (args: object) => {
                  asked.push(args);
                  return "sun";
                },
              },
            },
          ],
        },
        { maxChatCompletions: 1 },
      );
      await runner.done();
      return asked;
    },
  ],
  ["JSON schema output", (client) => client.chat.completions.parse({ model, messages, response_format: schema })],
  [
    "JSON schema output in a stream",
    (client) => client.chat.completions.stream({ model, messages, response_format: schema }).finalMessage(),
  ],
  ["embeddings as floats", (client) => client.embeddings.create({ model, input: "one", encoding_format: "float" })],
  [
    "embeddings as base64, which is the client's default",
    (client) => client.embeddings.create({ model, input: ["one", "two"], dimensions: 16 }),
  ],
  ["completions", (client) => client.completions.create({ model, prompt: "Once" })],
  [
    "completions in a stream",
    async (client) => collect(await client.completions.create({ model, prompt: "Once", stream: true })),
  ],
  ["a completion without tokens", (client) => client.completions.create({ model, prompt: "Once", max_tokens: 0 })],
  [
    "a raw response",
    async (client) => {
      const response = await client.chat.completions.create({ model, messages }).asResponse();
      return [response.status, response.headers.get("content-type")];
    },
  ],
  [
    "an aborted stream",
    async (client) => {
      const stream = await client.chat.completions.create({
        model,
        messages,
        stream: true,
        ...act("rate-50+tokens-200"),
      });
      let count = 0;
      for await (const _ of stream) if (++count === 3) break;
      await waitUntil(() => upstream.log.at(-1)?.end !== "open" || client === clients.through, "the end of the call");
      return count;
    },
  ],
  [
    "an abort before the answer",
    (client) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 50);
      return client.chat.completions.create({ model, messages, ...act("first-250") }, { signal: controller.signal });
    },
  ],
  [
    "the client's own timeout",
    (client) => client.chat.completions.create({ model, messages, ...act("first-250") }, { timeout: 50 }),
  ],
  ["400", (client) => client.chat.completions.create({ model, messages, ...act("status-400") })],
  ["404", (client) => client.chat.completions.create({ model, messages, ...act("status-404") })],
  ["409", (client) => client.chat.completions.create({ model, messages, ...act("status-409") })],
  ["422", (client) => client.chat.completions.create({ model, messages, ...act("status-422") })],
  ["429", (client) => client.chat.completions.create({ model, messages, ...act("status-429") })],
  [
    "429 in a stream",
    (client) => client.chat.completions.create({ model, messages, stream: true, ...act("status-429") }),
  ],
  [
    "a retry of the client after 429",
    async (client) => {
      upstream.script({ status: 429, retryAfter: "0" });
      const { _request_id, ...answer } = await client.chat.completions.create({ model, messages }, { maxRetries: 1 });
      return answer;
    },
  ],
  [
    "a retry of the client after 5xx",
    async (client) => {
      upstream.script({ status: 500 });
      const { _request_id, ...answer } = await client.chat.completions.create({ model, messages }, { maxRetries: 1 });
      return answer;
    },
  ],
];

describe("the official openai client, unchanged but for its address and key", () => {
  let compared = 0;
  for (const [what, script] of same) {
    it(`behaves as against the provider itself: ${what}`, async () => {
      const [direct, through] = [
        await observe(() => script(clients.direct)),
        await observe(() => script(clients.through)),
      ];
      expect(direct).toBeDefined();
      expect(through).toEqual(direct);
      compared++;
    });
  }

  it("was compared in every one of these behaviours, and a difference is seen", async () => {
    console.info(
      `I3: ${compared} behaviours of openai ${(OpenAI as unknown as { VERSION?: string }).VERSION ?? ""} are the same`,
    );
    expect(compared).toBe(same.length);
    const other = await observe(() =>
      clients.through.chat.completions.create({ model, messages, ...act("seed-2+tokens-9") }),
    );
    const one = await observe(() => clients.direct.chat.completions.create({ model, messages }));
    expect(other).not.toEqual(one);
    expect(
      await observe(() => clients.direct.chat.completions.create({ model, messages, ...act("status-400") })),
    ).not.toEqual(
      await observe(() => clients.through.chat.completions.create({ model, messages, ...act("status-404") })),
    );
  });

  it("lists and retrieves models", async () => {
    const list = await collect(await clients.through.models.list());
    expect(list.map((each) => [each.id, each.object])).toEqual([[model, "model"]]);
    expect((await clients.through.models.retrieve(model)).id).toBe(model);
    await expect(clients.through.models.retrieve("gpt-none")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it("tells the gateway's own refusals by their classes", async () => {
    const limited = (await gateway.makeKey({ models: ["other-*"] })).text;
    const powerless = (await gateway.makeKey({ permissions: ["vec:read"] })).text;
    const make = (apiKey: string): OpenAI => new OpenAI({ apiKey, baseURL: `${gateway.url}/openai/v1`, maxRetries: 0 });
    for (const [client, body, kind, status, code] of [
      [make("prod_000000000000_none"), {}, OpenAI.AuthenticationError, 401, "invalid_api_key"],
      [make(limited), {}, OpenAI.PermissionDeniedError, 403, "model_not_allowed"],
      [make(powerless), {}, OpenAI.PermissionDeniedError, 403, "permission_denied"],
      [clients.through, { model: "gpt-none" }, OpenAI.NotFoundError, 404, "model_not_found"],
      [clients.through, { model: "" }, OpenAI.BadRequestError, 400, "invalid_request"],
      [clients.through, act("status-500"), OpenAI.InternalServerError, 502, "upstream_error"],
      [clients.through, act("status-401"), OpenAI.InternalServerError, 502, "upstream_error"],
      [clients.through, act("drop-0"), OpenAI.InternalServerError, 502, "upstream_error"],
      [clients.through, act("first-900"), OpenAI.InternalServerError, 504, "upstream_timeout"],
      [clients.through, act("status-429"), OpenAI.RateLimitError, 429, "rate_limit_exceeded"],
    ] as const) {
      const error: unknown = await client.chat.completions
        .create({ model, messages, ...body })
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(kind);
      expect([(error as { status: number }).status, (error as { code: string }).code]).toEqual([status, code]);
      expect((error as { requestID: string }).requestID).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it("throws where a stream breaks in the middle, instead of ending as if it were whole", async () => {
    for (const script of ["drop-1500", "reset-1500", "undone"]) {
      const seen: unknown[] = [];
      const read = async (): Promise<void> => {
        const stream = await clients.through.chat.completions.create({
          model,
          messages,
          stream: true,
          ...act(`tokens-40+${script}`),
        });
        for await (const chunk of stream) seen.push(chunk);
      };
      await expect(read()).rejects.toBeInstanceOf(OpenAI.APIError);
      expect(seen.length).toBeGreaterThan(3);
    }
  });
});
