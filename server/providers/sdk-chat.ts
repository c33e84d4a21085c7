import { type ParsedChat, parseChat } from "./chat-options.ts";
import type { TranslatedChat } from "./translated-call.ts";
import type { ProviderTarget, UpstreamRequest } from "./types.ts";

type Fetch = typeof globalThis.fetch;
/** Makes the SDK's model for one call, and says a chat's extras in the provider's own words. */
export type MakeChat = (target: ProviderTarget, chat: ParsedChat, fetch: Fetch) => TranslatedChat;

/** Each loads its package of the AI SDK, so that a gateway without such a provider pays nothing for it. */
const loaders = {
  anthropic: async () => (await import("./sdk-anthropic.ts")).makeAnthropicChat,
  aws_bedrock: async () => (await import("./sdk-bedrock.ts")).makeBedrockChat,
  gcp_vertex_anthropic: async () => (await import("./sdk-vertex-anthropic.ts")).makeVertexAnthropicChat,
  gcp_vertex_gemini: async () => (await import("./sdk-vertex-gemini.ts")).makeVertexGeminiChat,
  google_ai_studio_gemini: async () => (await import("./sdk-google.ts")).makeGoogleChat,
} satisfies Partial<Record<ProviderTarget["type"], () => Promise<MakeChat>>>;

/**
 * Makes the SDK's call of one chat.
 *
 * @throws UntranslatableError.
 */
export async function makeSdkChat(
  target: ProviderTarget,
  request: UpstreamRequest,
  fetch: Fetch,
): Promise<TranslatedChat> {
  const load = loaders[target.type as keyof typeof loaders];
  const makeChat = await load();
  return makeChat(target, parseChat(request.json), fetch);
}
