/** Token buckets of one inference. They do not overlap: their sum, without what is a part of another, is all tokens. */
export interface TokenUsage {
  /** Plain input: without cached, cache-write and audio tokens. */
  inputTokens: number;
  cachedInputTokens: number;
  cacheWriteTokens: number;
  /** A part of `cacheWriteTokens`: those that the provider keeps for an hour, for more money. */
  hourCacheWriteTokens: number;
  /** Plain output: without reasoning and audio tokens. */
  outputTokens: number;
  reasoningTokens: number;
  inputAudioTokens: number;
  outputAudioTokens: number;
}

export const noTokens: Readonly<TokenUsage> = Object.freeze({
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  hourCacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  inputAudioTokens: 0,
  outputAudioTokens: 0,
});

/** The sum, bucket by bucket. */
export function addTokens(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    hourCacheWriteTokens: a.hourCacheWriteTokens + b.hourCacheWriteTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    inputAudioTokens: a.inputAudioTokens + b.inputAudioTokens,
    outputAudioTokens: a.outputAudioTokens + b.outputAudioTokens,
  };
}

/** Where a charge comes from: the provider's report, our estimate, or the reservation of a call whose end nobody saw. */
export type UsageSource = "reported" | "estimated" | "reserved";
