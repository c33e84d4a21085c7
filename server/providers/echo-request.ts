import type { WireEndpoint } from "./types.ts";

type Json = { readonly [field: string]: unknown };

/** What the echo provider reads from a request, whatever its endpoint. */
export interface EchoRequest {
  /** One text to answer per choice; for embeddings one per vector. */
  texts: string[];
  inputTokens: number;
  /** Cap per choice; `Infinity` where none was given. */
  outputTokensMax: number;
  /** Name of the function that the caller forces, if any. */
  forcedFunction: string | null;
  wantsUsage: boolean;
  dimensions: number;
  base64: boolean;
}

const defaultDimensions = 8;
const dimensionsMax = 4_096;
const choicesMax = 16;

/** One token per four bytes of UTF-8, rounded up. */
export function makeTokenCount(bytes: number): number {
  return Math.ceil(bytes / 4);
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isCap(value: unknown): value is number {
  return value === 0 || isPositiveInteger(value);
}

function isTokenList(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && typeof value[0] === "number";
}

/** The texts of a message's content: a string, or the text parts of a list of parts. */
function findContentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  let text = "";
  for (const part of content) if (isJson(part) && typeof part.text === "string") text += part.text;
  return text;
}

/** OpenAI takes a text, a list of texts, a list of tokens, or a list of such lists. Tokens are echoed as their numbers. */
function listInputs(input: unknown): { text: string; tokens: number | null }[] | null {
  const one = (item: unknown): { text: string; tokens: number | null } | null => {
    if (typeof item === "string") return { text: item, tokens: null };
    return isTokenList(item) ? { text: item.join(" "), tokens: item.length } : null;
  };
  const single = one(input);
  if (single !== null) return [single];
  if (!Array.isArray(input) || input.length === 0) return null;
  const all = input.map(one);
  return all.every((item) => item !== null) ? all : null;
}

function findForcedFunction(json: Json): string | null {
  const { tools, tool_choice: choice } = json;
  if (!Array.isArray(tools) || tools.length === 0) return null;
  const nameOf = (tool: unknown): string | null => {
    const fn = isJson(tool) ? tool.function : null;
    return isJson(fn) && typeof fn.name === "string" ? fn.name : null;
  };
  if (choice === "required") return nameOf(tools[0]);
  const wanted = nameOf(choice);
  return wanted !== null && tools.some((tool) => nameOf(tool) === wanted) ? wanted : null;
}

function makeJsonAnswer(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify({ echo: text });
  }
}

/** Reads a request body. Returns a text that says what is wrong where it is not one that OpenAI would take. */
export function parseEchoRequest(endpoint: WireEndpoint, json: Json): EchoRequest | string {
  const caps = [json.max_tokens, json.max_completion_tokens].filter(isCap);
  const options = json.stream_options;
  const shared = {
    outputTokensMax: Math.min(Number.POSITIVE_INFINITY, ...caps),
    forcedFunction: null,
    wantsUsage: isJson(options) && options.include_usage === true,
    dimensions: defaultDimensions,
    base64: json.encoding_format === "base64",
  };
  const choices = json.n ?? 1;
  if (!isPositiveInteger(choices) || choices > choicesMax) return `n must be an integer from 1 to ${choicesMax}`;
  const repeat = (texts: string[]): string[] => texts.flatMap((text) => Array<string>(choices).fill(text));

  if (endpoint === "chat_completions") {
    if (!Array.isArray(json.messages)) return "messages must be a list";
    let bytes = 0;
    let last = "";
    for (const message of json.messages) {
      if (!isJson(message)) return "messages must be a list of objects";
      const text = findContentText(message.content);
      bytes += Buffer.byteLength(text);
      if (message.role === "user") last = text;
    }
    const format = isJson(json.response_format) ? json.response_format.type : null;
    if (format === "json_schema" || format === "json_object") last = makeJsonAnswer(last);
    const forcedFunction = findForcedFunction(json);
    return { ...shared, texts: repeat([last]), inputTokens: makeTokenCount(bytes), forcedFunction };
  }

  const field = endpoint === "completions" ? "prompt" : "input";
  const inputs = listInputs(json[field]);
  if (inputs === null) return `${field} must be a text, a list of texts, or lists of tokens`;
  const bytes = inputs.reduce((sum, input) => sum + (input.tokens === null ? Buffer.byteLength(input.text) : 0), 0);
  const inputTokens = makeTokenCount(bytes) + inputs.reduce((sum, input) => sum + (input.tokens ?? 0), 0);
  const texts = inputs.map((input) => input.text);
  if (endpoint === "completions") return { ...shared, texts: repeat(texts), inputTokens };

  const dimensions = json.dimensions ?? defaultDimensions;
  if (!isPositiveInteger(dimensions) || dimensions > dimensionsMax) {
    return `dimensions must be an integer from 1 to ${dimensionsMax}`;
  }
  return { ...shared, texts, inputTokens, dimensions };
}
