import type { EchoChoice } from "./echo-answer.ts";
import { makeEmbedding } from "./echo-embedding.ts";
import type { EchoRequest } from "./echo-request.ts";
import type { WireEndpoint } from "./types.ts";

/** What stands at the head of every answer and frame. */
export interface EchoIdentity {
  /** The event's id. */
  requestId: string;
  model: string;
  /** Seconds since 1970. */
  createdSeconds: number;
}

/** OpenAI's usage object, with the details that its clients expect. */
export function makeEchoUsage(inputTokens: number, choices: readonly EchoChoice[]): object {
  const outputTokens = choices.reduce((sum, choice) => sum + choice.tokens, 0);
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

function makeMessage(choice: EchoChoice, index: number, id: EchoIdentity, forcedFunction: string | null): object {
  if (forcedFunction === null) return { role: "assistant", content: choice.text, refusal: null };
  const call = {
    id: makeCallId(id, index),
    type: "function",
    function: { name: forcedFunction, arguments: choice.text },
  };
  return { role: "assistant", content: null, refusal: null, tool_calls: [call] };
}

export function makeCallId(id: EchoIdentity, index: number): string {
  return `call_${id.requestId}_${index}`;
}

function makeEmbeddingList(request: EchoRequest, id: EchoIdentity): object {
  const data = request.texts.map((text, index) => {
    const vector = makeEmbedding(text, request.dimensions);
    const embedding = request.base64 ? Buffer.from(vector.buffer).toString("base64") : [...vector];
    return { object: "embedding", index, embedding };
  });
  const usage = { prompt_tokens: request.inputTokens, total_tokens: request.inputTokens };
  return { object: "list", data, model: id.model, usage };
}

/** A whole answer in OpenAI's shape. `choices` is not looked at for embeddings. */
export function makeEchoBody(
  endpoint: WireEndpoint,
  request: EchoRequest,
  choices: readonly EchoChoice[],
  id: EchoIdentity,
): string {
  if (endpoint === "embeddings") return JSON.stringify(makeEmbeddingList(request, id));
  const chat = endpoint === "chat_completions";
  return JSON.stringify({
    id: `${chat ? "chatcmpl" : "cmpl"}-${id.requestId}`,
    object: chat ? "chat.completion" : "text_completion",
    created: id.createdSeconds,
    model: id.model,
    choices: choices.map((choice, index) => ({
      index,
      ...(chat ? { message: makeMessage(choice, index, id, request.forcedFunction) } : { text: choice.text }),
      logprobs: null,
      finish_reason: choice.finishReason,
    })),
    usage: makeEchoUsage(request.inputTokens, choices),
  });
}

/** An error in OpenAI's shape. */
export function makeEchoError(status: number, message: string): string {
  const type = status === 429 ? "rate_limit_error" : status < 500 ? "invalid_request_error" : "server_error";
  return JSON.stringify({ error: { message, type, param: null, code: null } });
}
