import type { TokenUsage } from "./usage.ts";

/** `reason` is for the operator: it names fields, never holds text of the provider. */
export type UsageReading = { ok: true; usage: TokenUsage } | { ok: false; reason: string };

interface Fields {
  readonly [key: string]: unknown;
}

const nothing: Fields = Object.freeze({});

/** What `readCount` answers for a value that is no count. Every comparison with it is false. */
const noCount = Number.NaN;

/**
 * Reads OpenAI's `usage` object (chat completions, completions, embeddings, responses) into buckets that do not overlap.
 *
 * A report that cannot be true is refused, never repaired: a count that is no integer from 0 to 2^53-1, parts that are
 * more than their whole, neither input nor output counted, one thing counted twice with two results. Details that are
 * absent or `null` count as 0; unknown keys are ignored. The buckets add up to input and output.
 *
 * `total_tokens` is looked at for one thing: output that is in the total alone. xAI counts reasoning beside
 * `completion_tokens` instead of in it, Gemini's OpenAI endpoint counts thoughts nowhere else; both are billed.
 *
 * Other names. Source: the providers' API references.
 * - DeepSeek `prompt_cache_hit_tokens`, Moonshot `cached_tokens`: parts of `prompt_tokens`.
 * - OpenRouter `prompt_tokens_details.cache_write_tokens`: a part of `prompt_tokens`.
 * - Ours, for what we translate: `prompt_tokens_details.hour_cache_write_tokens`, a part of `cache_write_tokens`.
 * - Gateways before Anthropic (LiteLLM) `cache_read_input_tokens`, `cache_creation_input_tokens`: parts of
 *   `prompt_tokens`. Beside `input_tokens` they are Anthropic's own report, where they are no parts: refused.
 */
export function parseOpenAiUsage(value: unknown): UsageReading {
  if (!isFields(value)) return refuse("usage is not an object");
  if (isTwofold(value, "prompt_tokens", "input_tokens")) return refuse("prompt_tokens and input_tokens differ");
  if (isTwofold(value, "completion_tokens", "output_tokens"))
    return refuse("completion_tokens and output_tokens differ");
  const inputValue = value["prompt_tokens"] ?? value["input_tokens"] ?? null;
  const outputValue = value["completion_tokens"] ?? value["output_tokens"] ?? null;
  if (inputValue === null && outputValue === null) return refuse("usage counts neither input nor output");
  const cacheRead = value["cache_read_input_tokens"] ?? null;
  const cacheCreation = value["cache_creation_input_tokens"] ?? null;
  if ((cacheRead !== null || cacheCreation !== null) && (value["prompt_tokens"] ?? null) === null) {
    return refuse("usage is in Anthropic's form");
  }
  const inputDetails = value["prompt_tokens_details"] ?? value["input_tokens_details"] ?? nothing;
  const outputDetails = value["completion_tokens_details"] ?? value["output_tokens_details"] ?? nothing;
  if (!isFields(inputDetails) || !isFields(outputDetails)) return refuse("the details of usage are not an object");

  const input = readCount(inputValue);
  const cached = readCount(
    inputDetails["cached_tokens"] ?? value["prompt_cache_hit_tokens"] ?? value["cached_tokens"] ?? cacheRead,
  );
  const cacheWrite = readCount(inputDetails["cache_write_tokens"] ?? cacheCreation);
  const hourCacheWrite = readCount(inputDetails["hour_cache_write_tokens"]);
  const inputAudio = readCount(inputDetails["audio_tokens"]);
  const output = readCount(outputValue);
  const reasoning = readCount(outputDetails["reasoning_tokens"]);
  const outputAudio = readCount(outputDetails["audio_tokens"]);
  const total = readCount(value["total_tokens"]);
  const all = input + cached + cacheWrite + hourCacheWrite + inputAudio + output + reasoning + outputAudio + total;
  if (Number.isNaN(all)) return refuse("usage holds a count that is not an integer from 0 to 2^53-1");
  if (hourCacheWrite > cacheWrite) return refuse("tokens cached for an hour are more than those cached");

  const inputTokens = input - cached - cacheWrite - inputAudio;
  if (inputTokens < 0) return refuse("cached, cache-write and audio tokens are more than the input");
  const outside = total - input - output;
  const reasoningIsOutside = outside > 0 && (reasoning === outside || reasoning === 0);
  const outputTokens = output - outputAudio - (reasoningIsOutside ? 0 : reasoning);
  if (outputTokens < 0) return refuse("reasoning and audio tokens are more than the output");
  return {
    ok: true,
    usage: {
      inputTokens,
      cachedInputTokens: cached,
      cacheWriteTokens: cacheWrite,
      hourCacheWriteTokens: hourCacheWrite,
      outputTokens,
      reasoningTokens: reasoningIsOutside ? outside : reasoning,
      inputAudioTokens: inputAudio,
      outputAudioTokens: outputAudio,
    },
  };
}

function readCount(value: unknown): number {
  if (value === undefined || value === null) return 0;
  const valid = typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);
  return valid ? value : noCount;
}

function isTwofold(value: Fields, one: string, other: string): boolean {
  const first = value[one] ?? null;
  const second = value[other] ?? null;
  return first !== null && second !== null && first !== second;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(reason: string): UsageReading {
  return { ok: false, reason };
}
