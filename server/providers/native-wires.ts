import { type ProviderType, providerTypes } from "../core/provider-type.ts";
import type { WireEndpoint } from "./types.ts";

const anthropicTypes: ReadonlySet<ProviderType> = new Set(["anthropic", "aws_bedrock", "gcp_vertex_anthropic"]);
/** What they take is OpenAI's body, as for chats. */
const embeddingTypes: ReadonlySet<ProviderType> = new Set([
  "aws_bedrock",
  "gcp_vertex_gemini",
  "google_ai_studio_gemini",
]);
const responsesTypes: ReadonlySet<ProviderType> = new Set(["openai", "azure"]);
const echoWires: ReadonlySet<WireEndpoint> = new Set(["chat_completions", "completions", "embeddings"]);

/**
 * Says whether a provider takes an endpoint's body as it is: false means that the body has to be translated into
 * `chat_completions` first, which every type takes, or that there is no such thing at this provider.
 * Whether one model has it is the provider's own answer: only Anthropic's models on Bedrock take `messages`.
 */
export function isNativeWire(type: ProviderType, endpoint: WireEndpoint): boolean {
  const { wire } = providerTypes[type];
  switch (endpoint) {
    case "chat_completions":
      return true;
    case "messages":
    case "count_tokens":
      return anthropicTypes.has(type);
    case "responses":
      return responsesTypes.has(type);
    case "embeddings":
      return wire !== "translated" || embeddingTypes.has(type);
    default:
      return wire === "echo" ? echoWires.has(endpoint) : wire === "openai";
  }
}
