import { createHash } from "node:crypto";
import type { ScriptedBehaviour } from "./scripted-behaviour.ts";

export type Json = { readonly [field: string]: unknown };

/** What the upstream will say to one request, fixed by the request and the seed alone. */
export interface ScriptedAnswer {
  kind: "chat" | "completion" | "embeddings";
  id: string;
  model: string;
  promptTokens: number;
  /** One token each; joined they are the whole text. For a tool call: pieces of its arguments. */
  pieces: string[];
  finishReason: "stop" | "length" | "tool_calls";
  toolName: string | null;
  vectors: number[][];
}

const vocabulary = "the gate opens when a key fits and each call is counted once by name cost hour day no more".split(
  " ",
);

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** All text in messages, prompt or input, in order. */
function findPromptText(json: Json): string {
  const texts: string[] = [];
  const collect = (value: unknown): void => {
    if (typeof value === "string") texts.push(value);
    else if (Array.isArray(value)) value.forEach(collect);
    else if (isJson(value)) collect(value.content ?? value.text);
  };
  collect(json.messages ?? json.prompt ?? json.input);
  return texts.join("\n");
}

function findToolName(json: Json): string | null {
  if (!Array.isArray(json.tools) || json.tool_choice === undefined || json.tool_choice === "none") return null;
  const tool: unknown = isJson(json.tool_choice) ? json.tool_choice : json.tools[0];
  const fn = isJson(tool) ? tool.function : null;
  return isJson(fn) && typeof fn.name === "string" ? fn.name : null;
}

/** A value that fits a JSON schema of objects, lists and plain types: enough for structured-output tests. */
function makeSchemaValue(schema: unknown, word: string): unknown {
  if (!isJson(schema)) return word;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if (schema.type === "number" || schema.type === "integer") return 7;
  if (schema.type === "boolean") return true;
  if (schema.type === "array") return [makeSchemaValue(schema.items, word)];
  if (schema.type !== "object" || !isJson(schema.properties)) return word;
  return Object.fromEntries(
    Object.entries(schema.properties).map(([name, inner]) => [name, makeSchemaValue(inner, word)]),
  );
}

function cutIntoPieces(text: string): string[] {
  return text.match(/.{1,6}/gsu) ?? [];
}

/** Computes the answer. Prompt tokens are one per four bytes of prompt text, rounded up; output tokens are pieces. */
export function makeScriptedAnswer(path: string, json: Json, behaviour: ScriptedBehaviour): ScriptedAnswer {
  const kind = path.endsWith("/embeddings") ? "embeddings" : path.endsWith("/chat/completions") ? "chat" : "completion";
  const prompt = findPromptText(json);
  const hash = createHash("sha256").update(`${behaviour.seed}\n${prompt}`).digest();
  const model = typeof json.model === "string" ? json.model : "";
  const shared = { kind, model, promptTokens: Math.ceil(Buffer.byteLength(prompt) / 4) } as const;
  const id = `${kind === "chat" ? "chatcmpl" : "cmpl"}-${hash.toString("hex", 0, 8)}`;
  if (kind === "embeddings") {
    const inputs = Array.isArray(json.input) && typeof json.input[0] !== "number" ? json.input : [json.input];
    const dimensions = typeof json.dimensions === "number" ? json.dimensions : 8;
    const vectors = inputs.map((input: unknown) => {
      const bytes = createHash("shake256", { outputLength: dimensions }).update(JSON.stringify(input)).digest();
      return [...bytes].map((byte) => Math.fround(byte / 255));
    });
    return { ...shared, id, pieces: [], finishReason: "stop", toolName: null, vectors };
  }

  const toolName = kind === "chat" ? findToolName(json) : null;
  const format = isJson(json.response_format) ? json.response_format : {};
  let pieces: string[];
  if (toolName !== null) {
    pieces = cutIntoPieces(JSON.stringify({ city: "Zürich" }));
  } else if (format.type === "json_schema" && isJson(format.json_schema)) {
    pieces = cutIntoPieces(JSON.stringify(makeSchemaValue(format.json_schema.schema, "gate")));
  } else {
    const count = behaviour.tokens ?? 8 + ((hash[0] ?? 0) % 24);
    pieces = Array.from({ length: count }, (_, i) => {
      const word = vocabulary[((hash[i % 32] ?? 0) + i) % vocabulary.length] ?? "";
      return i === 0 ? word : ` ${word}`;
    });
  }
  const caps = [json.max_tokens, json.max_completion_tokens].filter((cap) => typeof cap === "number");
  const cap = Math.min(Number.POSITIVE_INFINITY, ...caps);
  const finishReason = pieces.length > cap ? "length" : toolName === null ? "stop" : "tool_calls";
  return { ...shared, id, pieces: pieces.slice(0, cap), finishReason, toolName, vectors: [] };
}

/** The usage object that the upstream reports for so many output tokens. */
export function makeScriptedUsage(
  answer: ScriptedAnswer,
  completionTokens: number,
  behaviour: ScriptedBehaviour,
): object {
  const factor = behaviour.usage === "lying" ? 10 : 1;
  const prompt = answer.promptTokens * factor;
  const completion = completionTokens * factor;
  if (answer.kind === "embeddings") return { prompt_tokens: prompt, total_tokens: prompt };
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}
