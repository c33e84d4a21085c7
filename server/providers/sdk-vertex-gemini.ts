import { createVertex } from "@ai-sdk/google-vertex";
import type { MakeChat } from "./sdk-chat.ts";
import type { MakeEmbeddingModel } from "./sdk-embedding.ts";
import { makeGeminiOptions } from "./sdk-google.ts";
import type { ProviderTarget } from "./types.ts";

export const makeVertexGeminiChat: MakeChat = (target, chat, fetch) => ({
  model: openSdk(target, fetch)(target.upstreamModel),
  options: makeGeminiOptions(target.upstreamModel, chat),
});

export const makeVertexEmbedding: MakeEmbeddingModel = (target, fetch) =>
  openSdk(target, fetch).embeddingModel(target.upstreamModel);

/** With a key of its own the SDK asks nobody for a token: the exchange has it. */
function openSdk({ origin, basePath }: ProviderTarget, fetch: typeof globalThis.fetch) {
  return createVertex({ baseURL: `${origin}${basePath}/publishers/google`, apiKey: "unused", fetch });
}
