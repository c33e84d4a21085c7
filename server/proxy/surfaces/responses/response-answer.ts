import type { TokenUsage } from "../../../core/usage.ts";
import { isJson, type Json } from "../json-value.ts";
import type { AnswerFacts, CallIdentity } from "../surface.ts";

/** An id of OpenAI's kind, of the event's own. */
export function makeItemId(prefix: "resp" | "msg" | "fc" | "rs", { id }: CallIdentity, index: number | null): string {
  return `${prefix}_${id.replaceAll("-", "")}${index === null ? "" : `_${index}`}`;
}

function makeResponseUsage(usage: TokenUsage): object {
  const input = usage.inputTokens + usage.cachedInputTokens + usage.cacheWriteTokens + usage.inputAudioTokens;
  const output = usage.outputTokens + usage.reasoningTokens + usage.outputAudioTokens;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cachedInputTokens },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: input + output,
  };
}

/** Why a response is not whole, by the reason that a chat completion ended for; `null` where it is. */
export function findIncomplete(finishReason: unknown): { reason: string } | null {
  if (finishReason === "length") return { reason: "max_output_tokens" };
  return finishReason === "content_filter" ? { reason: "content_filter" } : null;
}

/** The object of a response. `usage` is `null` while it runs. */
export function makeResponse(
  call: CallIdentity,
  asked: Json,
  output: readonly object[],
  end: { usage: TokenUsage; incomplete: { reason: string } | null } | null,
): object {
  return {
    id: makeItemId("resp", call, null),
    object: "response",
    created_at: Math.floor(call.atMs / 1_000),
    status: end === null ? "in_progress" : end.incomplete === null ? "completed" : "incomplete",
    background: false,
    error: null,
    incomplete_details: end?.incomplete ?? null,
    instructions: asked.instructions ?? null,
    max_output_tokens: asked.max_output_tokens ?? null,
    model: asked.model,
    output,
    parallel_tool_calls: asked.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: isJson(asked.reasoning) ? (asked.reasoning.effort ?? null) : null, summary: null },
    store: false,
    temperature: asked.temperature ?? null,
    text: isJson(asked.text) ? asked.text : { format: { type: "text" } },
    tool_choice: asked.tool_choice ?? "auto",
    tools: asked.tools ?? [],
    top_p: asked.top_p ?? null,
    truncation: "disabled",
    usage: end === null ? null : makeResponseUsage(end.usage),
    user: asked.user ?? null,
    metadata: asked.metadata ?? {},
  };
}

export function makeTextPart(text: string): object {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

/**
 * A response of OpenAI's, from a chat completion.
 *
 * @param asked the client's request, of which a response repeats much.
 * @throws where the completion is none.
 */
export function makeWholeResponse(chat: Json, facts: AnswerFacts, asked: Json): object {
  const choice: unknown = Array.isArray(chat.choices) ? chat.choices[0] : null;
  if (!isJson(choice) || !isJson(choice.message)) throw new TypeError("no choice");
  const { message } = choice;
  const output: object[] = [];
  const status = "completed";
  const thought = message.reasoning_content ?? message.reasoning;
  if (typeof thought === "string" && thought !== "") {
    const content = [{ type: "reasoning_text", text: thought }];
    output.push({ type: "reasoning", id: makeItemId("rs", facts, output.length), summary: [], content, status });
  }
  const content: object[] = [];
  if (typeof message.content === "string" && message.content !== "") content.push(makeTextPart(message.content));
  if (typeof message.refusal === "string" && message.refusal !== "")
    content.push({ type: "refusal", refusal: message.refusal });
  if (content.length > 0)
    output.push({ type: "message", id: makeItemId("msg", facts, output.length), role: "assistant", status, content });
  for (const call of Array.isArray(message.tool_calls) ? (message.tool_calls as unknown[]) : []) {
    const fn: unknown = isJson(call) ? call.function : null;
    if (!isJson(call) || !isJson(fn)) continue;
    const id = makeItemId("fc", facts, output.length);
    output.push({ type: "function_call", id, call_id: call.id, name: fn.name, arguments: fn.arguments, status });
  }
  return makeResponse(facts, asked, output, { usage: facts.usage, incomplete: findIncomplete(choice.finish_reason) });
}
