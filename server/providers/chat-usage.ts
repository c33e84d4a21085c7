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
  const input = inputTokens.total + (typeof toolPrompt === "number" ? toolPrompt : 0);
  return {
    prompt_tokens: input,
    completion_tokens: outputTokens.total,
    total_tokens: input + outputTokens.total,
    prompt_tokens_details: {
      cached_tokens: inputTokens.cacheRead ?? 0,
      ...(inputTokens.cacheWrite ? { cache_write_tokens: inputTokens.cacheWrite } : {}),
    },
    completion_tokens_details: { reasoning_tokens: outputTokens.reasoning ?? 0 },
  };
}
