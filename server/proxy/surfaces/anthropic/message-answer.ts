import type { TokenUsage } from "../../../core/usage.ts";
import { isJson, type Json } from "../json-value.ts";
import type { AnswerFacts } from "../surface.ts";

/** What the client asked for that its answer depends on. */
export interface AskedMessage {
  model: string;
  stopSequences: readonly unknown[];
  /** Whether it is told what the model thought. */
  wantsThoughts: boolean;
}

/** The id of a message, of the event's own. */
export function makeMessageId(eventId: string): string {
  return `msg_${eventId.replaceAll("-", "")}`;
}

/** Anthropic's buckets do not overlap either, but know no reasoning and no audio of their own. */
export function makeMessageUsage(usage: TokenUsage): object {
  return {
    input_tokens: usage.inputTokens + usage.inputAudioTokens,
    cache_creation_input_tokens: usage.cacheWriteTokens,
    cache_read_input_tokens: usage.cachedInputTokens,
    output_tokens: usage.outputTokens + usage.reasoningTokens + usage.outputAudioTokens,
  };
}

/** Why a choice ended, in Anthropic's words; `null` while it has not. */
export function findStopReason(
  choice: Json,
  asked: AskedMessage,
): { stop_reason: string; stop_sequence: string | null } | null {
  // Some providers tell which sequence it was.
  const sequence = choice.stop_reason;
  if (typeof sequence === "string" && asked.stopSequences.includes(sequence))
    return { stop_reason: "stop_sequence", stop_sequence: sequence };
  switch (choice.finish_reason) {
    case null:
    case undefined:
      return null;
    case "length":
      return { stop_reason: "max_tokens", stop_sequence: null };
    case "tool_calls":
    case "function_call":
      return { stop_reason: "tool_use", stop_sequence: null };
    case "content_filter":
      return { stop_reason: "refusal", stop_sequence: null };
    default:
      return { stop_reason: "end_turn", stop_sequence: null };
  }
}

/** What a model thought, under either of the names that providers use. */
export function readThought(fields: Json): string {
  const thought = fields.reasoning_content ?? fields.reasoning;
  return typeof thought === "string" ? thought : "";
}

/**
 * A message of Anthropic's, from a chat completion.
 *
 * @throws where the completion is none, or where a tool's arguments are no JSON.
 */
export function makeMessage(chat: Json, facts: AnswerFacts, asked: AskedMessage): object {
  const choice: unknown = Array.isArray(chat.choices) ? chat.choices[0] : null;
  if (!isJson(choice) || !isJson(choice.message)) throw new TypeError("no choice");
  const { message } = choice;
  const content: object[] = [];
  const thought = asked.wantsThoughts ? readThought(message) : "";
  if (thought !== "") content.push({ type: "thinking", thinking: thought, signature: "" });
  for (const text of [message.content, message.refusal])
    if (typeof text === "string" && text !== "") content.push({ type: "text", text });
  for (const call of Array.isArray(message.tool_calls) ? (message.tool_calls as unknown[]) : []) {
    const fn: unknown = isJson(call) ? call.function : null;
    if (!isJson(call) || !isJson(fn)) continue;
    const text = typeof fn.arguments === "string" && fn.arguments !== "" ? fn.arguments : "{}";
    content.push({ type: "tool_use", id: call.id, name: fn.name, input: JSON.parse(text) as unknown });
  }
  return {
    id: makeMessageId(facts.id),
    type: "message",
    role: "assistant",
    model: asked.model,
    content,
    ...(findStopReason(choice, asked) ?? { stop_reason: "end_turn", stop_sequence: null }),
    usage: makeMessageUsage(facts.usage),
  };
}
