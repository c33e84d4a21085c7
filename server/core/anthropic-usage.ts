import type { UsageReading } from "./usage-report.ts";

interface Fields {
  readonly [key: string]: unknown;
}

/** What `readCount` answers for a value that is no count. Every comparison with it is false. */
const noCount = Number.NaN;

/**
 * Reads the `usage` object of Anthropic's Messages API into buckets that do not overlap.
 *
 * There `input_tokens` is what was neither read from nor written to the prompt cache; the three add up to the input. What the
 * model thought is in `output_tokens`, and newer answers say how much of it that was. A report that cannot be true is
 * refused, never repaired, as by `parseOpenAiUsage`. Source: Anthropic, "Messages", "Prompt caching".
 */
export function parseAnthropicUsage(value: unknown): UsageReading {
  if (!isFields(value)) return refuse("usage is not an object");
  const details = value.output_tokens_details ?? {};
  const creation = value.cache_creation ?? {};
  if (!isFields(details) || !isFields(creation)) return refuse("the details of usage are not an object");
  if ((value.input_tokens ?? null) === null || (value.output_tokens ?? null) === null) {
    return refuse("usage does not count input and output");
  }
  const inputTokens = readCount(value.input_tokens);
  const cachedInputTokens = readCount(value.cache_read_input_tokens);
  const cacheWriteTokens = readCount(value.cache_creation_input_tokens);
  const hourCacheWriteTokens = readCount(creation.ephemeral_1h_input_tokens);
  const output = readCount(value.output_tokens);
  const reasoningTokens = readCount(details.thinking_tokens);
  const all = inputTokens + cachedInputTokens + cacheWriteTokens + hourCacheWriteTokens + output + reasoningTokens;
  if (Number.isNaN(all)) return refuse("usage holds a count that is not an integer from 0 to 2^53-1");
  if (hourCacheWriteTokens > cacheWriteTokens) return refuse("tokens cached for an hour are more than those cached");
  const outputTokens = output - reasoningTokens;
  if (outputTokens < 0) return refuse("thinking tokens are more than the output");
  return {
    ok: true,
    usage: {
      inputTokens,
      cachedInputTokens,
      cacheWriteTokens,
      hourCacheWriteTokens,
      outputTokens,
      reasoningTokens,
      inputAudioTokens: 0,
      outputAudioTokens: 0,
    },
  };
}

function readCount(value: unknown): number {
  if (value === undefined || value === null) return 0;
  const valid = typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);
  return valid ? value : noCount;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(reason: string): UsageReading {
  return { ok: false, reason };
}
