import { createGoogleGenerativeAI } from "@ai-sdk/google";
import type { LanguageModelV3CallOptions } from "@ai-sdk/provider";
import type { ParsedChat } from "./chat-options.ts";
import { findThinkingTokens } from "./reasoning-effort.ts";
import type { MakeChat } from "./sdk-chat.ts";
import type { MakeEmbeddingModel } from "./sdk-embedding.ts";
import type { ProviderTarget } from "./types.ts";

export const makeGoogleChat: MakeChat = (target, chat, fetch) => ({
  model: openSdk(target, fetch)(target.upstreamModel),
  options: makeGeminiOptions(target.upstreamModel, chat),
});

export const makeGoogleEmbedding: MakeEmbeddingModel = (target, fetch) =>
  openSdk(target, fetch).embeddingModel(target.upstreamModel);

/** Authorization is the exchange's business; the SDK must be given something. */
function openSdk({ origin, basePath }: ProviderTarget, fetch: typeof globalThis.fetch) {
  return createGoogleGenerativeAI({ baseURL: `${origin}${basePath}`, apiKey: "unused", fetch });
}

/** Gemini from version 3 on takes a level, and cannot be told not to think. Source: Gemini API, "Thinking". */
const takesLevel = /gemini-(?:[3-9]|\d\d)/;

/** The options of a Gemini model, wherever it runs. */
export function makeGeminiOptions(model: string, { options, extras }: ParsedChat): LanguageModelV3CallOptions {
  const { effort } = extras;
  if (effort === null) return options;
  const level = effort === "none" ? "minimal" : effort;
  const amount = takesLevel.test(model) ? { thinkingLevel: level } : { thinkingBudget: findThinkingTokens(effort) };
  const thinkingConfig = { ...amount, ...(effort === "none" ? {} : { includeThoughts: true }) };
  return { ...options, providerOptions: { google: { thinkingConfig } } };
}
