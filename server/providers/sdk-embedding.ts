import type { EmbeddingModelV3, EmbeddingModelV3CallOptions } from "@ai-sdk/provider";
import type { ChatIdentity } from "./chat-answer.ts";
import { type Json, UntranslatableError } from "./chat-content.ts";
import type { ProviderTarget } from "./types.ts";

type Fetch = typeof globalThis.fetch;

/** Makes the SDK's model for one call. */
export type MakeEmbeddingModel = (target: ProviderTarget, fetch: Fetch) => EmbeddingModelV3;

/** Each loads its package of the AI SDK, as those of sdk-chat.ts. */
const loaders = {
  aws_bedrock: async () => (await import("./sdk-bedrock.ts")).makeBedrockEmbedding,
  gcp_vertex_gemini: async () => (await import("./sdk-vertex-gemini.ts")).makeVertexEmbedding,
  google_ai_studio_gemini: async () => (await import("./sdk-google.ts")).makeGoogleEmbedding,
} satisfies Partial<Record<ProviderTarget["type"], () => Promise<MakeEmbeddingModel>>>;

/**
 * Asks for embeddings through the AI SDK.
 *
 * @returns OpenAI's JSON; without a usage where the provider counts nothing.
 * @throws UntranslatableError.
 */
export async function findSdkEmbedding(
  target: ProviderTarget,
  json: Json,
  identity: ChatIdentity,
  fetch: Fetch,
): Promise<string> {
  const options = parseEmbedding(json);
  const makeModel = await loaders[target.type as keyof typeof loaders]();
  const { embeddings, usage } = await makeModel(target, fetch).doEmbed(options);
  const base64 = json.encoding_format === "base64";
  const data = embeddings.map((vector, index) => ({
    object: "embedding",
    index,
    embedding: base64 ? Buffer.from(new Float32Array(vector).buffer).toString("base64") : vector,
  }));
  const counted = usage === undefined ? {} : { usage: { prompt_tokens: usage.tokens, total_tokens: usage.tokens } };
  return JSON.stringify({ object: "list", data, model: identity.model, ...counted });
}

function parseEmbedding(json: Json): EmbeddingModelV3CallOptions {
  const values: unknown[] = Array.isArray(json.input) ? json.input : [json.input];
  const texts = values.filter((value) => typeof value === "string");
  if (texts.length === 0 || texts.length < values.length) {
    throw new UntranslatableError("input", "`input` must be a text or a list of texts for this provider.");
  }
  if (typeof json.dimensions !== "number") return { values: texts };
  const { dimensions } = json;
  const bedrock = { dimensions, outputDimension: dimensions, embeddingDimension: dimensions };
  return { values: texts, providerOptions: { google: { outputDimensionality: dimensions }, bedrock } };
}
