import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noTokens, type TokenUsage } from "../../../server/core/usage.ts";
import { parseOpenAiUsage } from "../../../server/core/usage-report.ts";

const countMax = Number.MAX_SAFE_INTEGER;
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

function read(value: unknown): Partial<TokenUsage> {
  const reading = parseOpenAiUsage(value);
  if (!reading.ok) throw new Error(reading.reason);
  return Object.fromEntries(Object.entries(reading.usage).filter(([, count]) => count !== 0));
}

describe("parseOpenAiUsage reads", () => {
  it.each<[string, unknown, Partial<TokenUsage>]>([
    [
      "chat completions",
      { prompt_tokens: 19, completion_tokens: 10, total_tokens: 29 },
      { inputTokens: 19, outputTokens: 10 },
    ],
    [
      "chat completions with all details",
      {
        prompt_tokens: 100,
        completion_tokens: 50,
        total_tokens: 150,
        prompt_tokens_details: { cached_tokens: 30, audio_tokens: 20 },
        completion_tokens_details: { reasoning_tokens: 15, audio_tokens: 5, accepted_prediction_tokens: 3 },
      },
      {
        inputTokens: 50,
        cachedInputTokens: 30,
        inputAudioTokens: 20,
        outputTokens: 30,
        reasoningTokens: 15,
        outputAudioTokens: 5,
      },
    ],
    ["embeddings", { prompt_tokens: 8, total_tokens: 8 }, { inputTokens: 8 }],
    [
      "responses",
      {
        input_tokens: 36,
        input_tokens_details: { cached_tokens: 6 },
        output_tokens: 87,
        output_tokens_details: { reasoning_tokens: 80 },
        total_tokens: 123,
      },
      { inputTokens: 30, cachedInputTokens: 6, outputTokens: 7, reasoningTokens: 80 },
    ],
    [
      "nulls as nothing",
      { prompt_tokens: 1, completion_tokens: null, prompt_tokens_details: null },
      { inputTokens: 1 },
    ],
    ["nulls in details", { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: null } }, { inputTokens: 1 }],
    ["zeros", { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, {}],
    ["only output", { completion_tokens: 3 }, { outputTokens: 3 }],
    [
      "both names with one count",
      { prompt_tokens: 2, input_tokens: 2, output_tokens: 1 },
      { inputTokens: 2, outputTokens: 1 },
    ],
    [
      "DeepSeek's cache",
      { prompt_tokens: 10, completion_tokens: 1, prompt_cache_hit_tokens: 8, prompt_cache_miss_tokens: 2 },
      { inputTokens: 2, cachedInputTokens: 8, outputTokens: 1 },
    ],
    ["Moonshot's cache", { prompt_tokens: 10, cached_tokens: 4 }, { inputTokens: 6, cachedInputTokens: 4 }],
    [
      "OpenRouter's cache writes",
      {
        prompt_tokens: 194,
        completion_tokens: 2,
        prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 100 },
      },
      { inputTokens: 94, cacheWriteTokens: 100, outputTokens: 2 },
    ],
    [
      "Anthropic behind LiteLLM",
      { prompt_tokens: 100, completion_tokens: 5, cache_read_input_tokens: 60, cache_creation_input_tokens: 30 },
      { inputTokens: 10, cachedInputTokens: 60, cacheWriteTokens: 30, outputTokens: 5 },
    ],
    [
      "xAI's reasoning, which is not in the completion",
      {
        prompt_tokens: 32,
        completion_tokens: 9,
        total_tokens: 135,
        completion_tokens_details: { reasoning_tokens: 94 },
      },
      { inputTokens: 32, outputTokens: 9, reasoningTokens: 94 },
    ],
    [
      "Gemini's thoughts, which are in the total alone",
      { prompt_tokens: 20, completion_tokens: 198, total_tokens: 623 },
      { inputTokens: 20, outputTokens: 198, reasoningTokens: 405 },
    ],
    [
      "a total that says nothing more",
      { prompt_tokens: 5, completion_tokens: 9, total_tokens: 20, completion_tokens_details: { reasoning_tokens: 4 } },
      { inputTokens: 5, outputTokens: 5, reasoningTokens: 4 },
    ],
    [
      "a total that is too small",
      { prompt_tokens: 5, completion_tokens: 9, total_tokens: 1 },
      { inputTokens: 5, outputTokens: 9 },
    ],
    ["the greatest count", { prompt_tokens: countMax }, { inputTokens: countMax }],
  ])("%s", (_, value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  it("always every bucket", () => {
    expect(parseOpenAiUsage({ prompt_tokens: 0 })).toEqual({ ok: true, usage: noTokens });
  });
});

describe("parseOpenAiUsage refuses", () => {
  const counts = [-1, -0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e308, "5", "１", true, {}, [], [5]];
  const places: [string, (count: unknown) => unknown][] = [
    ["prompt_tokens", (count) => ({ prompt_tokens: count, completion_tokens: 1 })],
    ["completion_tokens", (count) => ({ prompt_tokens: 1, completion_tokens: count })],
    ["input_tokens", (count) => ({ input_tokens: count, output_tokens: 1 })],
    ["output_tokens", (count) => ({ input_tokens: 1, output_tokens: count })],
    ["total_tokens", (count) => ({ prompt_tokens: 1, total_tokens: count })],
    ["cached_tokens", (count) => ({ prompt_tokens: 9, prompt_tokens_details: { cached_tokens: count } })],
    ["cache_write_tokens", (count) => ({ prompt_tokens: 9, prompt_tokens_details: { cache_write_tokens: count } })],
    ["input audio_tokens", (count) => ({ prompt_tokens: 9, prompt_tokens_details: { audio_tokens: count } })],
    ["reasoning_tokens", (count) => ({ completion_tokens: 9, completion_tokens_details: { reasoning_tokens: count } })],
    ["output audio_tokens", (count) => ({ completion_tokens: 9, completion_tokens_details: { audio_tokens: count } })],
    ["prompt_cache_hit_tokens", (count) => ({ prompt_tokens: 9, prompt_cache_hit_tokens: count })],
    ["cache_creation_input_tokens", (count) => ({ prompt_tokens: 9, cache_creation_input_tokens: count })],
  ];

  it.each(places)("what is no count, as %s", (_, place) => {
    for (const count of counts) expect(parseOpenAiUsage(place(count)), String(count)).toMatchObject({ ok: false });
    expect(parseOpenAiUsage(place(1))).toMatchObject({ ok: true });
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["an array", []],
    ["a string", "5"],
    ["no counts", {}],
    ["only a total", { total_tokens: 5 }],
    ["only nulls", { prompt_tokens: null, completion_tokens: null }],
    ["details that are no object", { prompt_tokens: 5, prompt_tokens_details: 3 }],
    ["details that are an array", { prompt_tokens: 5, completion_tokens_details: [] }],
    ["more cached than input", { prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 6 } }],
    [
      "cached and audio more than input",
      { prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 3, audio_tokens: 3 } },
    ],
    ["more reasoning than output", { completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 6 } }],
    ["more audio than output", { completion_tokens: 5, completion_tokens_details: { audio_tokens: 6 } }],
    ["two counts of the input", { prompt_tokens: 5, input_tokens: 6 }],
    ["two counts of the output", { completion_tokens: 5, output_tokens: 6 }],
    ["Anthropic's own form", { input_tokens: 5, output_tokens: 6, cache_read_input_tokens: 7 }],
  ])("%s", (_, value) => {
    expect(parseOpenAiUsage(value)).toMatchObject({ ok: false, reason: expect.stringMatching(/\w/) });
  });
});

describe("parseOpenAiUsage on any report", () => {
  it("answers counts that add up, or refuses; never throws", () => {
    const count = fc.oneof(
      { weight: 6, arbitrary: fc.nat({ max: 50 }) },
      fc.constantFrom<unknown>(0, null, undefined, -1, 1.5, Number.NaN, "7", 2 ** 53, countMax, {}),
    );
    const details = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record(
          { cached_tokens: count, reasoning_tokens: count, audio_tokens: count },
          { requiredKeys: [] },
        ),
      },
      fc.constantFrom<unknown>(null, 3, []),
    );
    const report = fc.record(
      {
        prompt_tokens: count,
        completion_tokens: count,
        prompt_tokens_details: details,
        completion_tokens_details: details,
      },
      { requiredKeys: [] },
    );
    let accepted = 0;
    fc.assert(
      fc.property(report, (value) => {
        const reading = parseOpenAiUsage(value);
        if (!reading.ok) return;
        accepted++;
        // A part of a bucket, and no bucket.
        const { hourCacheWriteTokens, ...usage } = reading.usage;
        expect(hourCacheWriteTokens).toBe(0);
        const buckets = Object.values(usage);
        expect(buckets.length).toBe(7);
        for (const bucket of buckets) expect(Number.isSafeInteger(bucket) && bucket >= 0).toBe(true);
        const whole = BigInt(Number(value.prompt_tokens ?? 0)) + BigInt(Number(value.completion_tokens ?? 0));
        expect(buckets.reduce((sum, bucket) => sum + BigInt(bucket), 0n)).toBe(whole);
      }),
      { seed, numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(1_000);
  });
});
