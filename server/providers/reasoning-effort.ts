import type { ChatExtras } from "./chat-options.ts";

type Effort = Exclude<ChatExtras["effort"], null>;

/** Tokens to think with, as Google's own OpenAI-shaped endpoint has them. Source: Gemini API, "OpenAI compatibility". */
const budgets: Readonly<Record<Effort, number>> = { none: 0, minimal: 1_024, low: 1_024, medium: 8_192, high: 24_576 };

export function findThinkingTokens(effort: Effort): number {
  return budgets[effort];
}

const leastThinkingTokens = 1_024;

/** Claude models that take an effort; the ones before them take a number of tokens. Source: Anthropic, "Effort". */
const takesEffort = /claude-(?:(?:opus|sonnet|haiku)-4-[6-9]|[a-z]+-[5-9])/;

export type ClaudeThinking =
  | { kind: "effort"; effort: "low" | "medium" | "high" }
  | { kind: "tokens"; thinkingTokens: number; outputTokens: number | undefined }
  | { kind: "off" };

/**
 * How a Claude model is told to think that much.
 *
 * @param outputTokensMax the cap on all output, thinking too: the SDK adds what it thinks with to the cap that it is given,
 *   so that it is given less. Where the cap has no room for thinking, there is none.
 */
export function makeClaudeThinking(model: string, effort: Effort, outputTokensMax: number | undefined): ClaudeThinking {
  if (effort === "none") return { kind: "off" };
  if (takesEffort.test(model)) return { kind: "effort", effort: effort === "minimal" ? "low" : effort };
  if (outputTokensMax === undefined) {
    return { kind: "tokens", thinkingTokens: budgets[effort], outputTokens: undefined };
  }
  const thinkingTokens = Math.min(budgets[effort], outputTokensMax - 1);
  if (thinkingTokens < leastThinkingTokens) return { kind: "off" };
  return { kind: "tokens", thinkingTokens, outputTokens: outputTokensMax - thinkingTokens };
}
