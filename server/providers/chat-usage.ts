import type { LanguageModelV3Usage } from "@ai-sdk/provider";

/**
 * Writes what a provider counted as OpenAI's usage object, in which cached and reasoning tokens are parts of the whole.
 * Tokens that were written to a prompt cache have OpenRouter's name, which `parseOpenAiUsage` reads.
 *
 * @returns `null` where the provider counted nothing.
 */
export function makeChatUsage({ inputTokens, outputTokens, raw }: LanguageModelV3Usage): object | null {
  if (inputTokens.total === undefined || outputTokens.total === undefined) return null;
  // Gemini counts what its own tools put into the prompt apart, and charges it as input.
  const toolPrompt = raw?.toolUsePromptTokenCount;
  const cachedForAnHour = findHourWrites(raw);
  const input = inputTokens.total + (typeof toolPrompt === "number" ? toolPrompt : 0);
  return {
    prompt_tokens: input,
    completion_tokens: outputTokens.total,
    total_tokens: input + outputTokens.total,
    prompt_tokens_details: {
      cached_tokens: inputTokens.cacheRead ?? 0,
      ...(inputTokens.cacheWrite ? { cache_write_tokens: inputTokens.cacheWrite } : {}),
      ...(cachedForAnHour > 0 ? { hour_cache_write_tokens: cachedForAnHour } : {}),
    },
    completion_tokens_details: { reasoning_tokens: outputTokens.reasoning ?? 0 },
  };
}

/** Of the tokens that were written to a prompt cache, those that are kept for an hour: Anthropic's words, and Bedrock's for them. */
function findHourWrites(raw: LanguageModelV3Usage["raw"]): number {
  const creation: unknown = raw?.cache_creation;
  if (typeof creation === "object" && creation !== null && "ephemeral_1h_input_tokens" in creation) {
    return toCount(creation.ephemeral_1h_input_tokens);
  }
  const details: unknown = raw?.cacheDetails;
  if (!Array.isArray(details)) return 0;
  return details.reduce((sum: number, each: unknown) => {
    const isHour = typeof each === "object" && each !== null && "ttl" in each && each.ttl === "1h";
    return isHour && "inputTokens" in each ? sum + toCount(each.inputTokens) : sum;
  }, 0);
}

function toCount(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
