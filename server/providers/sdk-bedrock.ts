import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import type { LanguageModelV3CallOptions } from "@ai-sdk/provider";
import type { ParsedChat } from "./chat-options.ts";
import { makeClaudeThinking } from "./reasoning-effort.ts";
import type { MakeChat } from "./sdk-chat.ts";
import type { MakeEmbeddingModel } from "./sdk-embedding.ts";
import type { ProviderTarget } from "./types.ts";

export const makeBedrockChat: MakeChat = (target, chat, fetch) => ({
  model: openSdk(target, fetch)(target.upstreamModel),
  options: makeBedrockOptions(target.upstreamModel, chat),
});

export const makeBedrockEmbedding: MakeEmbeddingModel = (target, fetch) =>
  openSdk(target, fetch).embeddingModel(target.upstreamModel);

/** With a key of its own the SDK does not sign: the exchange does. */
function openSdk({ aws, origin, basePath }: ProviderTarget, fetch: typeof globalThis.fetch) {
  return createAmazonBedrock({ region: aws?.region ?? "", baseURL: `${origin}${basePath}`, apiKey: "unused", fetch });
}

function makeBedrockOptions(model: string, { options, extras }: ParsedChat): LanguageModelV3CallOptions {
  const { effort, oneToolCall } = extras;
  const bedrock: NonNullable<LanguageModelV3CallOptions["providerOptions"]>[string] = {};
  const more: LanguageModelV3CallOptions = {
    ...options,
    providerOptions: { bedrock, ...(oneToolCall ? { anthropic: { disableParallelToolUse: true } } : {}) },
  };
  if (effort === null) return more;
  if (!model.includes("claude")) {
    if (effort !== "none") bedrock.reasoningConfig = { maxReasoningEffort: effort === "minimal" ? "low" : effort };
    return more;
  }
  const thinking = makeClaudeThinking(model, effort, options.maxOutputTokens);
  if (thinking.kind === "effort") {
    bedrock.reasoningConfig = { type: "adaptive", maxReasoningEffort: thinking.effort };
  } else if (thinking.kind === "tokens") {
    bedrock.reasoningConfig = { type: "enabled", budgetTokens: thinking.thinkingTokens };
    if (thinking.outputTokens !== undefined) more.maxOutputTokens = thinking.outputTokens;
  }
  return more;
}
