import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import type { LanguageModelV3CallOptions } from "@ai-sdk/provider";
import type { ParsedChat } from "./chat-options.ts";
import { makeClaudeThinking } from "./reasoning-effort.ts";
import type { MakeChat } from "./sdk-chat.ts";

export const makeBedrockChat: MakeChat = (target, chat, fetch) => ({
  // With a key of its own the SDK does not sign: the exchange does.
  model: createAmazonBedrock({
    region: target.aws?.region ?? "",
    baseURL: `${target.origin}${target.basePath}`,
    apiKey: "unused",
    fetch,
  })(target.upstreamModel),
  options: makeBedrockOptions(target.upstreamModel, chat),
});

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
