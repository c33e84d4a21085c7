import { createVertexAnthropic } from "@ai-sdk/google-vertex/anthropic";
import { makeClaudeOptions } from "./sdk-anthropic.ts";
import type { MakeChat } from "./sdk-chat.ts";

export const makeVertexAnthropicChat: MakeChat = (target, chat, fetch) => ({
  model: createVertexAnthropic({
    baseURL: `${target.origin}${target.basePath}/publishers/anthropic/models`,
    // The exchange has the token.
    generateAuthToken: async () => "unused",
    fetch,
  })(target.upstreamModel),
  options: makeClaudeOptions(target.upstreamModel, chat),
});
