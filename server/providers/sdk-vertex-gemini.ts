import { createVertex } from "@ai-sdk/google-vertex";
import type { MakeChat } from "./sdk-chat.ts";
import { makeGeminiOptions } from "./sdk-google.ts";

export const makeVertexGeminiChat: MakeChat = (target, chat, fetch) => ({
  // With a key of its own the SDK asks nobody for a token: the exchange has it.
  model: createVertex({
    baseURL: `${target.origin}${target.basePath}/publishers/google`,
    apiKey: "unused",
    fetch,
  })(target.upstreamModel),
  options: makeGeminiOptions(target.upstreamModel, chat),
});
