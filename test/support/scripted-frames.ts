import { type Json, makeScriptedUsage, type ScriptedAnswer } from "./scripted-answer.ts";
import type { ScriptedBehaviour } from "./scripted-behaviour.ts";

const createdSeconds = 1_700_000_000;

/** A whole answer as one JSON text. */
export function makeScriptedBody(answer: ScriptedAnswer, behaviour: ScriptedBehaviour, json: Json): string {
  const usage = behaviour.usage === "absent" ? undefined : makeScriptedUsage(answer, answer.pieces.length, behaviour);
  if (answer.kind === "embeddings") {
    const data = answer.vectors.map((vector, index) => {
      const base64 = (): string => Buffer.from(Float32Array.from(vector).buffer).toString("base64");
      return { object: "embedding", index, embedding: json.encoding_format === "base64" ? base64() : vector };
    });
    return JSON.stringify({ object: "list", data, model: answer.model, usage });
  }
  const text = answer.pieces.join("");
  const call = { id: "call_1", type: "function", function: { name: answer.toolName, arguments: text } };
  const message =
    answer.toolName === null
      ? { role: "assistant", content: text }
      : { role: "assistant", content: null, tool_calls: [call] };
  const content = answer.kind === "chat" ? { message } : { text };
  return JSON.stringify({
    id: answer.id,
    object: answer.kind === "chat" ? "chat.completion" : "text_completion",
    created: createdSeconds,
    model: answer.model,
    choices: [{ index: 0, ...content, logprobs: null, finish_reason: answer.finishReason }],
    usage,
  });
}

/** One event of a stream, and the output tokens that have been served once it is sent. */
export interface ScriptedFrame {
  text: string;
  completionTokens: number;
}

/** The answer as server-sent events. */
export function* listScriptedFrames(
  answer: ScriptedAnswer,
  behaviour: ScriptedBehaviour,
  includeUsage: boolean,
): Generator<ScriptedFrame> {
  const chat = answer.kind === "chat";
  const end = behaviour.lineEnd.repeat(2);
  const shared = {
    id: answer.id,
    object: chat ? "chat.completion.chunk" : "text_completion",
    created: createdSeconds,
    model: answer.model,
  };
  let completionTokens = 0;
  const frame = (body: object): ScriptedFrame => ({ text: `data: ${JSON.stringify(body)}${end}`, completionTokens });
  const choice = (content: object, finishReason: string | null): ScriptedFrame =>
    frame({ ...shared, choices: [{ index: 0, ...content, logprobs: null, finish_reason: finishReason }] });

  if (chat) yield choice({ delta: { role: "assistant", content: answer.toolName === null ? "" : null } }, null);
  for (const [index, piece] of answer.pieces.entries()) {
    completionTokens++;
    const opened = index === 0 ? { id: "call_1", type: "function" } : {};
    const named = index === 0 ? { name: answer.toolName } : {};
    const call = { index: 0, ...opened, function: { ...named, arguments: piece } };
    const delta = answer.toolName === null ? { content: piece } : { tool_calls: [call] };
    yield choice(chat ? { delta } : { text: piece }, null);
  }
  const usage = makeScriptedUsage(answer, completionTokens, behaviour);
  const last = chat ? { delta: {} } : { text: "" };
  if (behaviour.usage === "last_content_chunk") {
    yield frame({
      ...shared,
      choices: [{ index: 0, ...last, logprobs: null, finish_reason: answer.finishReason }],
      usage,
    });
  } else {
    yield choice(last, answer.finishReason);
    if (includeUsage && behaviour.usage !== "absent") yield frame({ ...shared, choices: [], usage });
  }
  if (!behaviour.omitDone) yield { text: `data: [DONE]${end}`, completionTokens };
}
