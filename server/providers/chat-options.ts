import type {
  LanguageModelV3CallOptions,
  LanguageModelV3FunctionTool,
  LanguageModelV3ToolChoice,
} from "@ai-sdk/provider";
import { isJson, type Json, UntranslatableError } from "./chat-content.ts";
import { parsePrompt } from "./chat-prompt.ts";

type Schema = LanguageModelV3FunctionTool["inputSchema"];

/** What of a chat's parameters has no name of its own in the SDK and is said to each provider in its own words. */
export interface ChatExtras {
  /** How much to think; `null`: the model's own choice. */
  effort: "none" | "minimal" | "low" | "medium" | "high" | null;
  /** At most one tool call per answer. */
  oneToolCall: boolean;
}

export interface ParsedChat {
  options: LanguageModelV3CallOptions;
  extras: ChatExtras;
}

const noParameters: Schema = { type: "object", properties: {} };
const efforts = ["none", "minimal", "low", "medium", "high"] as const;

/**
 * Reads the body of OpenAI's chat completions into the AI SDK's call. What a provider has no place for and what changes
 * nothing in kind (log probabilities, a user's name, penalties where there are none) is left out.
 *
 * @throws UntranslatableError that names a field which would change the answer and that no provider here has.
 */
export function parseChat(json: Json): ParsedChat {
  for (const field of ["functions", "function_call", "prediction", "audio"] as const) {
    if ((json[field] ?? null) !== null) {
      throw new UntranslatableError(field, `\`${field}\` is not supported by this provider.`);
    }
  }
  if ((json.n ?? 1) !== 1) throw new UntranslatableError("n", "`n` must be 1 for this provider.");
  const options: LanguageModelV3CallOptions = { prompt: parsePrompt(json.messages) };
  const cap = json.max_completion_tokens ?? json.max_tokens;
  if (typeof cap === "number") options.maxOutputTokens = cap;
  set(options, "temperature", json.temperature);
  set(options, "topP", json.top_p);
  set(options, "topK", json.top_k);
  set(options, "presencePenalty", json.presence_penalty);
  set(options, "frequencyPenalty", json.frequency_penalty);
  set(options, "seed", json.seed);
  if (typeof json.stop === "string") options.stopSequences = [json.stop];
  else if (Array.isArray(json.stop)) options.stopSequences = json.stop.map(String);
  const format = parseFormat(json.response_format);
  if (format !== undefined) options.responseFormat = format;
  const tools = parseTools(json.tools);
  if (tools.length > 0) {
    options.tools = tools;
    const choice = parseToolChoice(json.tool_choice);
    if (choice !== undefined) options.toolChoice = choice;
  }
  return {
    options,
    extras: { effort: parseEffort(json), oneToolCall: tools.length > 0 && json.parallel_tool_calls === false },
  };
}

type NumberOption = "temperature" | "topP" | "topK" | "presencePenalty" | "frequencyPenalty" | "seed";

function set(options: LanguageModelV3CallOptions, name: NumberOption, value: unknown): void {
  if (typeof value === "number") options[name] = value;
}

function parseEffort(json: Json): ChatExtras["effort"] {
  const said = json.reasoning_effort ?? (isJson(json.reasoning) ? json.reasoning.effort : null) ?? null;
  if (said === null) return null;
  const effort = efforts.find((name) => name === said);
  if (effort !== undefined) return effort;
  throw new UntranslatableError("reasoning_effort", `\`reasoning_effort\` must be one of ${efforts.join(", ")}.`);
}

function parseFormat(format: unknown): LanguageModelV3CallOptions["responseFormat"] {
  if (format === undefined || format === null) return undefined;
  const type = isJson(format) ? format.type : null;
  if (type === "text") return { type };
  if (type === "json_object") return { type: "json" };
  const said = isJson(format) && isJson(format.json_schema) ? format.json_schema : null;
  if (type !== "json_schema" || said === null || !isJson(said.schema)) {
    const field = "response_format";
    throw new UntranslatableError(
      field,
      `\`${field}\` must be of type text, json_object, or json_schema with a schema.`,
    );
  }
  return {
    type: "json",
    schema: said.schema as Schema,
    ...(typeof said.name === "string" ? { name: said.name } : {}),
    ...(typeof said.description === "string" ? { description: said.description } : {}),
  };
}

function parseTools(tools: unknown): LanguageModelV3FunctionTool[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools)) throw new UntranslatableError("tools", "`tools` must be a list.");
  return tools.map((tool: unknown, index) => {
    const said = isJson(tool) && tool.type === "function" && isJson(tool.function) ? tool.function : null;
    if (said === null || typeof said.name !== "string") {
      throw new UntranslatableError(`tools.${index}`, `\`tools.${index}\` must be a function with a name.`);
    }
    return {
      type: "function",
      name: said.name,
      inputSchema: isJson(said.parameters) ? (said.parameters as Schema) : noParameters,
      ...(typeof said.description === "string" ? { description: said.description } : {}),
      ...(said.strict === true ? { strict: true } : {}),
    };
  });
}

function parseToolChoice(choice: unknown): LanguageModelV3ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === "auto" || choice === "none" || choice === "required") return { type: choice };
  if (isJson(choice) && isJson(choice.function) && typeof choice.function.name === "string") {
    return { type: "tool", toolName: choice.function.name };
  }
  throw new UntranslatableError("tool_choice", "`tool_choice` must be auto, none, required, or one function.");
}
