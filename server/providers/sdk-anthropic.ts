import { createAnthropic } from "@ai-sdk/anthropic";
import type { LanguageModelV3CallOptions } from "@ai-sdk/provider";
import type { ParsedChat } from "./chat-options.ts";
import { makeClaudeThinking } from "./reasoning-effort.ts";
import type { MakeChat } from "./sdk-chat.ts";

/** Authorization is the exchange's business; the SDK must be given something. */
const unused = "unused";

export const makeAnthropicChat: MakeChat = (target, chat, fetch) => ({
  model: createAnthropic({ baseURL: `${target.origin}${target.basePath}`, apiKey: unused, fetch })(
    target.upstreamModel,
  ),
  options: makeClaudeOptions(target.upstreamModel, chat),
});

/** The options of a Claude model on Anthropic's own wire, wherever it runs. */
export function makeClaudeOptions(model: string, { options, extras }: ParsedChat): LanguageModelV3CallOptions {
  const { effort, oneToolCall } = extras;
  const thinking = effort === null ? null : makeClaudeThinking(model, effort, options.maxOutputTokens);
  const said: NonNullable<LanguageModelV3CallOptions["providerOptions"]>[string] = {
    ...(oneToolCall ? { disableParallelToolUse: true } : {}),
  };
  const more: LanguageModelV3CallOptions = { ...options, providerOptions: { anthropic: said } };
  if (thinking?.kind === "effort") {
    said.thinking = { type: "adaptive" };
    said.effort = thinking.effort;
  } else if (thinking?.kind === "tokens") {
    said.thinking = { type: "enabled", budgetTokens: thinking.thinkingTokens };
    if (thinking.outputTokens !== undefined) more.maxOutputTokens = thinking.outputTokens;
  } else if (thinking?.kind === "off") said.thinking = { type: "disabled" };
  return more;
}
