import { formatUsd } from "../../../core/money.ts";
import type { TokenUsage } from "../../../core/usage.ts";
import { isJson, type Json } from "../json-value.ts";
import type { AnswerFacts } from "../surface.ts";

/** What every answer and every chunk says of its call. */
export interface AskedInference {
  episodeId: string;
  variantName: string;
  isJson: boolean;
}

/** USD as TensorZero tells it: a JSON number, of which the digits are exact. Nothing is computed with it. */
export function makeCost(costNanoUsd: bigint | null): number | null {
  return costNanoUsd === null ? null : (JSON.parse(formatUsd(costNanoUsd)) as number);
}

/** TensorZero counts cached tokens as input, reasoning as output. */
export function makeInferenceUsage(usage: TokenUsage, costNanoUsd: bigint | null): object {
  const { cachedInputTokens: cached, cacheWriteTokens: written } = usage;
  return {
    input_tokens: usage.inputTokens + cached + written + usage.inputAudioTokens,
    output_tokens: usage.outputTokens + usage.reasoningTokens + usage.outputAudioTokens,
    ...(cached > 0 ? { provider_cache_read_input_tokens: cached } : {}),
    ...(written > 0 ? { provider_cache_write_input_tokens: written } : {}),
    cost: makeCost(costNanoUsd),
  };
}

const finishReasons: Readonly<Record<string, string>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool_call",
  function_call: "tool_call",
  content_filter: "content_filter",
};

/** Why a choice ended, in TensorZero's words; `null` while it has not. */
export function findFinishReason(choice: Json): string | null {
  const { finish_reason: reason } = choice;
  if (typeof reason !== "string") return null;
  return Object.hasOwn(finishReasons, reason) ? (finishReasons[reason] as string) : "unknown";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/**
 * TensorZero's answer, from a chat completion.
 *
 * @throws where the completion is none.
 */
export function makeInference(chat: Json, facts: AnswerFacts, asked: AskedInference): object {
  const choice: unknown = Array.isArray(chat.choices) ? chat.choices[0] : null;
  if (!isJson(choice) || !isJson(choice.message)) throw new TypeError("no choice");
  const { message } = choice;
  const content: object[] = [];
  const thought = message.reasoning_content ?? message.reasoning;
  if (typeof thought === "string" && thought !== "") content.push({ type: "thought", text: thought });
  const texts = [message.content, message.refusal].filter((text) => typeof text === "string" && text !== "");
  for (const text of texts) content.push({ type: "text", text });
  for (const call of Array.isArray(message.tool_calls) ? (message.tool_calls as unknown[]) : []) {
    const fn: unknown = isJson(call) ? call.function : null;
    if (!isJson(call) || !isJson(fn)) continue;
    const raw = typeof fn.arguments === "string" ? fn.arguments : "";
    const parsed = parseJson(raw);
    const name = typeof fn.name === "string" ? fn.name : null;
    content.push({
      type: "tool_call",
      id: call.id,
      name: parsed === null ? null : name,
      arguments: parsed,
      raw_name: name ?? "",
      raw_arguments: raw,
    });
  }
  const raw = texts.join("");
  return {
    inference_id: facts.id,
    episode_id: asked.episodeId,
    variant_name: asked.variantName,
    ...(asked.isJson ? { output: { raw, parsed: parseJson(raw) } } : { content }),
    usage: makeInferenceUsage(facts.usage, facts.costNanoUsd),
    finish_reason: findFinishReason(choice) ?? "unknown",
  };
}
