import type {
  LanguageModelV3Message,
  LanguageModelV3Prompt,
  LanguageModelV3ReasoningPart,
  LanguageModelV3ToolCallPart,
  LanguageModelV3ToolResultPart,
} from "@ai-sdk/provider";
import {
  isJson,
  type Json,
  makeCacheOptions,
  parseTextContent,
  parseUserContent,
  UntranslatableError,
} from "./chat-content.ts";

type Assistant = Extract<LanguageModelV3Message, { role: "assistant" }>["content"];

/**
 * Reads the messages of OpenAI's chat completions into the AI SDK's prompt.
 *
 * Instructions (`system`, `developer`) go to the front, in their order: the providers that are translated for take them
 * nowhere else. Reasoning that an earlier answer carried goes back with its signature.
 *
 * @throws UntranslatableError that names the field.
 */
export function parsePrompt(messages: unknown): LanguageModelV3Prompt {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new UntranslatableError("messages", "`messages` must be a list with at least one message.");
  }
  const instructions: LanguageModelV3Prompt = [];
  const prompt: LanguageModelV3Prompt = [];
  const toolNames = new Map<string, string>();
  for (const [index, message] of (messages as unknown[]).entries()) {
    const path = `messages.${index}`;
    if (!isJson(message)) throw new UntranslatableError(path, `\`${path}\` must be an object.`);
    const options = makeCacheOptions(message.cache_control);
    const more = options === undefined ? {} : { providerOptions: options };
    switch (message.role) {
      case "system":
      case "developer": {
        const marked = options ?? findLastMark(message.content);
        instructions.push({
          role: "system",
          content: parseTextContent(message.content, `${path}.content`),
          ...(marked === undefined ? {} : { providerOptions: marked }),
        });
        break;
      }
      case "user":
        prompt.push({ role: "user", content: parseUserContent(message.content, `${path}.content`), ...more });
        break;
      case "assistant":
        prompt.push({ role: "assistant", content: parseAssistant(message, path, toolNames), ...more });
        break;
      case "tool":
        prompt.push({ role: "tool", content: [parseToolResult(message, path, toolNames)], ...more });
        break;
      default: {
        const field = `${path}.role`;
        throw new UntranslatableError(field, `\`${field}\` must be system, developer, user, assistant or tool.`);
      }
    }
  }
  return [...instructions, ...prompt];
}

/** A mark on a part of an instruction holds for the whole: the SDK has one text per instruction. */
function findLastMark(content: unknown) {
  const marks = Array.isArray(content)
    ? content.filter(isJson).map((part) => makeCacheOptions(part.cache_control))
    : [];
  return marks.findLast((mark) => mark !== undefined);
}

function parseAssistant(message: Json, path: string, toolNames: Map<string, string>): Assistant {
  const content: Assistant = parseReasoning(message);
  const text = parseTextContent(message.content ?? message.refusal, `${path}.content`);
  // Anthropic refuses a text that is empty.
  if (text !== "") content.push({ type: "text", text });
  if (message.tool_calls === undefined || message.tool_calls === null) return content;
  if (!Array.isArray(message.tool_calls)) {
    throw new UntranslatableError(`${path}.tool_calls`, `\`${path}.tool_calls\` must be a list.`);
  }
  for (const [index, call] of (message.tool_calls as unknown[]).entries()) {
    const at = `${path}.tool_calls.${index}`;
    const named = isJson(call) && isJson(call.function) ? call.function : null;
    if (!isJson(call) || named === null || typeof call.id !== "string" || typeof named.name !== "string") {
      throw new UntranslatableError(at, `\`${at}\` must have an \`id\` and a \`function\` with a \`name\`.`);
    }
    toolNames.set(call.id, named.name);
    content.push(makeToolCall(call, call.id, named.name, parseArguments(named.arguments, `${at}.function.arguments`)));
  }
  return content;
}

/** Gemini wants its thought's signature back with a call. Source: Gemini API, "Thought signatures", OpenAI's shape. */
function makeToolCall(call: Json, toolCallId: string, toolName: string, input: unknown): LanguageModelV3ToolCallPart {
  const part: LanguageModelV3ToolCallPart = { type: "tool-call", toolCallId, toolName, input };
  const extra = isJson(call.extra_content) && isJson(call.extra_content.google) ? call.extra_content.google : {};
  if (typeof extra.thought_signature !== "string") return part;
  const signature = { thoughtSignature: extra.thought_signature };
  return { ...part, providerOptions: { google: signature, vertex: signature } };
}

function parseArguments(text: unknown, path: string): unknown {
  if (text === undefined || text === null || text === "") return {};
  try {
    if (typeof text === "string") return JSON.parse(text);
  } catch {}
  throw new UntranslatableError(path, `\`${path}\` must be the text of a JSON object.`);
}

/** Reasoning with its signature as `makeReasoningDetails` of chat-answer.ts wrote it; without one no provider takes it. */
function parseReasoning(message: Json): LanguageModelV3ReasoningPart[] {
  if (!Array.isArray(message.reasoning_details)) return [];
  const parts: LanguageModelV3ReasoningPart[] = [];
  for (const detail of message.reasoning_details as unknown[]) {
    if (!isJson(detail)) continue;
    if (detail.type === "reasoning.text" && typeof detail.signature === "string") {
      const signature = { signature: detail.signature };
      const text = typeof detail.text === "string" ? detail.text : "";
      parts.push({ type: "reasoning", text, providerOptions: { anthropic: signature, bedrock: signature } });
    } else if (detail.type === "reasoning.encrypted" && typeof detail.data === "string") {
      const redacted = { redactedData: detail.data };
      parts.push({ type: "reasoning", text: "", providerOptions: { anthropic: redacted, bedrock: redacted } });
    }
  }
  return parts;
}

function parseToolResult(
  message: Json,
  path: string,
  toolNames: ReadonlyMap<string, string>,
): LanguageModelV3ToolResultPart {
  const id = message.tool_call_id;
  const toolName = typeof id === "string" ? toolNames.get(id) : undefined;
  if (typeof id !== "string" || toolName === undefined) {
    const field = `${path}.tool_call_id`;
    throw new UntranslatableError(
      field,
      `\`${field}\` must be the id of a tool call of an assistant's message before it.`,
    );
  }
  const value = parseTextContent(message.content, `${path}.content`);
  return { type: "tool-result", toolCallId: id, toolName, output: { type: "text", value } };
}
