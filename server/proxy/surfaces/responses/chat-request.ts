import type { Faults } from "../faults.ts";
import { isAbsent, isJson, type Json } from "../json-value.ts";
import { makeItemMessages } from "./input-items.ts";

/** What a provider would have to keep, or to run by itself. */
const kept = ["previous_response_id", "conversation", "prompt"] as const;

/**
 * The chat completion that asks the same as a response of OpenAI's. What only tunes the API itself (`include`, `metadata`,
 * `truncation`, `service_tier`, `prompt_cache_key`) is left out.
 */
export function makeChatRequest(json: Json, faults: Faults): Record<string, unknown> {
  for (const field of kept) {
    if (!isAbsent(json[field]))
      faults.add(field, "is not supported by the providers of this model: nothing is kept. Send the whole input.");
  }
  for (const field of ["store", "background"] as const) {
    const value = json[field];
    if (!isAbsent(value) && value !== false)
      faults.add(field, "must be false or absent: the providers of this model keep no responses.");
  }
  const chat: Record<string, unknown> = { model: json.model, messages: makeItemMessages(json, faults) };
  if (!isAbsent(json.max_output_tokens)) chat.max_tokens = json.max_output_tokens;
  for (const field of ["temperature", "top_p", "parallel_tool_calls", "user"] as const) {
    if (!isAbsent(json[field])) chat[field] = json[field];
  }
  if (isJson(json.reasoning) && !isAbsent(json.reasoning.effort)) chat.reasoning_effort = json.reasoning.effort;
  if (isJson(json.text)) Object.assign(chat, makeTextFields(json.text, faults));
  if (!isAbsent(json.tools)) {
    const tools = makeTools(json.tools, faults);
    if (tools.length > 0) chat.tools = tools;
  }
  if (!isAbsent(json.tool_choice)) chat.tool_choice = makeToolChoice(json.tool_choice, faults);
  if (json.stream === true) Object.assign(chat, { stream: true, stream_options: { include_usage: true } });
  return chat;
}

function makeTextFields({ format, verbosity }: Json, faults: Faults): Json {
  const fields: Record<string, unknown> = {};
  if (!isAbsent(verbosity)) fields.verbosity = verbosity;
  if (!isJson(format)) return fields;
  if (format.type === "json_object") fields.response_format = { type: "json_object" };
  else if (format.type === "json_schema") {
    const { type, ...schema } = format;
    fields.response_format = { type, json_schema: schema };
  } else if (format.type !== "text") {
    faults.add("text.format.type", "must be `text`, `json_schema` or `json_object`.");
  }
  return fields;
}

function makeTools(tools: unknown, faults: Faults): object[] {
  if (!Array.isArray(tools)) {
    faults.add("tools", "must be a list.");
    return [];
  }
  return (tools as unknown[]).map((tool, index) => {
    const { type, ...fn } = isJson(tool) ? tool : {};
    if (type !== "function")
      faults.add(`tools.${index}.type`, "must be `function`: the providers of this model have no tools of their own.");
    return { type, function: fn };
  });
}

function makeToolChoice(choice: unknown, faults: Faults): unknown {
  if (choice === "auto" || choice === "none" || choice === "required") return choice;
  if (isJson(choice) && choice.type === "function" && typeof choice.name === "string") {
    return { type: "function", function: { name: choice.name } };
  }
  faults.add("tool_choice", "must be `auto`, `none`, `required` or a function for this model.");
  return undefined;
}
