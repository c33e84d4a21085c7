import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anyCharacter } from "../../support/any-character.ts";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { runBatches } from "../../support/run-batches.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { makeModelConfig, openTestGateway, type StoredEvent, type TestGateway } from "../../support/test-gateway.ts";

const { seed } = makeSeededRandom();
let upstream: ScriptedUpstream;
let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: `${fastFlush}${makeModelConfig(upstream.url)}
[models.capped]
routing = ["echo"]
output_tokens_max = 7
[models.capped.providers.echo]
type = "echo"
[models.free]
routing = ["up"]
[models.free.providers.up]
type = "openai_compatible"
api_base = "${upstream.url}/v1"
api_key_location = "none"
`,
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

type Money = Pick<StoredEvent, "cost_nano_usd" | "reserved_nano_usd" | "usage_source">;

/** Says whether a call cost more than was held for it. */
function findMoneyFault(event: Money): string | null {
  if (event.cost_nano_usd === null) return "no cost";
  if (event.usage_source !== "reported") return `usage ${event.usage_source}`;
  const over = BigInt(event.cost_nano_usd) - BigInt(event.reserved_nano_usd);
  return over > 0n ? `${over} nano-USD over the reservation of ${event.reserved_nano_usd}` : null;
}

const text = fc.oneof(
  fc.string({ maxLength: 20, unit: anyCharacter }),
  fc.integer({ min: 1, max: 3_000 }).map((length) => "ä".repeat(length)),
  fc.integer({ min: 1, max: 3_000 }).map((length) => "word ".repeat(length / 5)),
  fc.constant(""),
);
const cap = fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 100_000 }));
const choices = fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 16 }));
const model = fc.constantFrom("echo::x", "capped");
const common = { model, n: choices, max_tokens: cap, stream: fc.boolean() };
const prompt = fc.oneof(
  text,
  fc.array(text, { minLength: 1, maxLength: 12 }),
  fc.array(fc.nat(99_999), { minLength: 1, maxLength: 40 }),
  fc.array(fc.array(fc.nat(99_999), { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 6 }),
);
const sent = fc.oneof(
  fc.tuple(
    fc.constant("/v1/chat/completions"),
    fc.record({
      ...common,
      max_completion_tokens: cap,
      messages: fc.array(fc.record({ role: fc.constantFrom("user", "system", "assistant"), content: text }), {
        minLength: 1,
        maxLength: 4,
      }),
      tools: fc.constantFrom(undefined, [{ type: "function", function: { name: "f" } }]),
      tool_choice: fc.constantFrom(undefined, "required"),
    }),
  ),
  fc.tuple(fc.constant("/v1/completions"), fc.record({ ...common, prompt, max_tokens: fc.oneof(cap, fc.constant(0)) })),
  fc.tuple(
    fc.constant("/v1/embeddings"),
    fc.record({ model, input: prompt, dimensions: fc.constantFrom(undefined, 2) }),
  ),
);

describe("what is reserved", () => {
  it("is never less than what is charged, over random calls of all endpoints to the echo provider", async () => {
    const cases = fc.sample(sent, { numRuns: 400, seed });
    const keys = await Promise.all([null, 1, 20].map((maxOutputTokens) => gateway.makeKey({ maxOutputTokens })));
    const before = (await gateway.listEvents(0)).length;
    const asked = new Map<string, string>();
    await runBatches(cases, 8, async ([path, body], index) => {
      const response = await gateway.call(path, body, keys[index % keys.length]?.text ?? key);
      const answer = await response.text();
      expect([response.status, answer.slice(0, 200)]).toEqual([200, expect.any(String)]);
      asked.set(response.headers.get("x-request-id") ?? "", `${path} ${JSON.stringify(body).slice(0, 300)}`);
    });
    const events = (await gateway.listEvents(before + cases.length)).slice(before);
    const faults = events.flatMap((event) => {
      const fault = findMoneyFault(event);
      return fault === null ? [] : [`${fault}: ${asked.get(event.id)}`];
    });
    const charged = events.filter((event) => BigInt(event.cost_nano_usd ?? 0) > 0n).length;
    console.info(
      `reserved >= charged: ${events.length} calls, ${charged} of them charged, seed ${seed}; ${faults.length} faults`,
    );
    expect(faults.slice(0, 3)).toEqual([]);
    expect(events).toHaveLength(cases.length);
    expect(charged).toBeGreaterThan(300);
  });

  it("that falls short is caught by this check", () => {
    const good: Money = { cost_nano_usd: "10", reserved_nano_usd: "10", usage_source: "reported" };
    expect(findMoneyFault(good)).toBeNull();
    expect(findMoneyFault({ ...good, reserved_nano_usd: "9" })).toMatch(/^1 nano-USD over/);
    expect(findMoneyFault({ ...good, cost_nano_usd: null })).toBe("no cost");
  });

  it("grows with what a provider may produce: n, best_of, prompts, and the larger of two caps", async () => {
    const reserve = async (path: string, body: object): Promise<bigint> => {
      const response = await gateway.call(path, { model: "gpt-test", ...body }, key);
      await response.text();
      return BigInt((await findEventOf(gateway, response)).reserved_nano_usd);
    };
    const output = (tokens: number): bigint => BigInt(tokens) * 2_000n;
    for (const [body, tokens] of [
      [{ prompt: "a", max_tokens: 1_000 }, 1_000],
      [{ prompt: "a", max_tokens: 1_000, n: 3 }, 3_000],
      [{ prompt: "a", max_tokens: 1_000, best_of: 5 }, 5_000],
      [{ prompt: "a", max_tokens: 1_000, n: 2, best_of: 4 }, 4_000],
      [{ prompt: ["a", "b", "c"], max_tokens: 1_000, n: 2 }, 6_000],
      [{ prompt: [1, 2, 3], max_tokens: 1_000 }, 1_000],
      [{ prompt: [[1], [2, 3]], max_tokens: 1_000 }, 2_000],
    ] as const) {
      const reserved = await reserve("/v1/completions", body);
      expect(reserved).toBeGreaterThanOrEqual(output(tokens));
      expect(reserved).toBeLessThan(output(tokens) + 200_000n);
    }
    const both = await reserve("/v1/chat/completions", { messages: [], max_tokens: 10, max_completion_tokens: 5_000 });
    expect(both).toBeGreaterThanOrEqual(output(5_000));
  });

  it("is passed by a lying provider at most by the lie of what was in flight, and the charge is what it reported", async () => {
    const response = await gateway.call(
      "/v1/chat/completions",
      {
        model: "gpt-test",
        messages: [{ role: "user", content: "x" }],
        max_tokens: 5,
        metadata: { script: "usage-lying" },
      },
      key,
    );
    const answer = (await response.json()) as { usage: { prompt_tokens: number; completion_tokens: number } };
    const event = await findEventOf(gateway, response);
    expect(answer.usage.completion_tokens).toBe(50);
    expect(event).toMatchObject({ usage_source: "reported", output_tokens: "50" });
    expect(event.cost_nano_usd).toBe(String(answer.usage.prompt_tokens * 1_000 + 50 * 2_000));
  });
});

describe("a key's cap on output tokens", () => {
  it("lowers what the provider is asked for, and is told", async () => {
    const { text: capped } = await gateway.makeKey({ maxOutputTokens: 20 });
    for (const [path, body, expected, told] of [
      ["/v1/chat/completions", {}, { max_tokens: 20 }, "20"],
      ["/v1/chat/completions", { max_tokens: 100 }, { max_tokens: 20 }, "20"],
      ["/v1/chat/completions", { max_completion_tokens: 100 }, { max_completion_tokens: 20 }, "20"],
      ["/v1/chat/completions", { max_tokens: 5, max_completion_tokens: 100 }, { max_completion_tokens: 20 }, "20"],
      ["/v1/chat/completions", { max_tokens: 5 }, { max_tokens: 5 }, null],
      ["/v1/completions", { prompt: "a" }, { max_tokens: 20 }, "20"],
      ["/v1/completions", { prompt: "a", max_tokens: 30 }, { max_tokens: 20 }, "20"],
    ] as const) {
      for (const stream of [false, true]) {
        const response = await gateway.call(
          path,
          { model: "gpt-test", messages: [], ...body, stream, metadata: { script: "tokens-60" } },
          capped,
        );
        await response.text();
        const { max_tokens, max_completion_tokens } = JSON.parse(upstream.log.at(-1)?.body ?? "{}") as Record<
          string,
          number
        >;
        expect({ max_tokens, max_completion_tokens }).toEqual({
          max_tokens: undefined,
          max_completion_tokens: undefined,
          ...expected,
        });
        expect(response.headers.get("x-tollgate-max-output-tokens")).toBe(told);
        const event = await findEventOf(gateway, response);
        expect(Number(event.output_tokens)).toBeLessThanOrEqual(20);
        expect(findMoneyFault(event)).toBeNull();
      }
    }
  });

  it("is not told where the client set it itself or there is none", async () => {
    for (const body of [{}, { max_tokens: 9 }]) {
      const response = await gateway.call("/v1/chat/completions", { model: "gpt-test", messages: [], ...body }, key);
      await response.text();
      expect([response.status, response.headers.get("x-tollgate-max-output-tokens")]).toEqual([200, null]);
    }
  });
});

describe("a model without a price", () => {
  it("has no cost, which is not zero: on the event, in the header, in usage", async () => {
    const response = await gateway.call("/v1/chat/completions", { model: "free", messages: [] }, key);
    await response.text();
    const event = await findEventOf(gateway, response);
    expect(event).toMatchObject({ cost_nano_usd: null, price_id: "", usage_source: "reported", status: 200 });
    expect(response.headers.get("x-tollgate-cost-usd")).toBeNull();
    expect(Number(event.output_tokens)).toBeGreaterThan(0);
    const priced = await gateway.call(
      "/v1/chat/completions",
      { model: "gpt-test", messages: [], metadata: { script: "status-400" } },
      key,
    );
    await priced.text();
    expect((await findEventOf(gateway, priced)).cost_nano_usd).toBe("0");
    const [row] = await gateway.database.database.sql<{ unpriced: string }[]>`
      select count(*) filter (where cost_nano_usd is null) as unpriced from usage_event where model in ('free', 'gpt-test')`;
    expect(Number(row?.unpriced)).toBe(1);
    expect(await gateway.context.metrics.text()).toMatch(/^tollgate_\w*unpriced\w* 1$/m);
  });
});
