import type { Faults } from "../faults.ts";
import { isAbsent, isJson, type Json } from "../json-value.ts";
import { makeChatMessages } from "./chat-messages.ts";

/** They name things that only Anthropic holds or runs; without them the answer would be another. */
const untranslatable = ["container", "mcp_servers"] as const;

/**
 * The chat completion that asks the same as a request of Anthropic's. What only tunes (`top_k`, `thinking`, `cache_control`,
 * `service_tier`, `context_management`) is left out. Source: Anthropic's and OpenAI's API references.
 */
export function makeChatRequest(json: Json, faults: Faults): Record<string, unknown> {
  for (const field of untranslatable) {
    if (!isAbsent(json[field])) faults.add(field, "is not supported by the providers of this model.");
  }
  const chat: Record<string, unknown> = { model: json.model, messages: makeChatMessages(json, faults) };
  if (!isAbsent(json.max_tokens)) chat.max_tokens = json.max_tokens;
  for (const field of ["temperature", "top_p"] as const) if (!isAbsent(json[field])) chat[field] = json[field];
  if (!isAbsent(json.stop_sequences)) chat.stop = json.stop_sequences;
  if (isJson(json.metadata) && typeof json.metadata.user_id === "string") chat.user = json.metadata.user_id;
  if (!isAbsent(json.tools)) chat.tools = makeTools(json.tools, faults);
  if (!isAbsent(json.tool_choice)) Object.assign(chat, makeToolChoice(json.tool_choice, faults));
  const format = isJson(json.output_config) ? json.output_config.format : json.output_format;
  if (isJson(format)) {
    if (format.type !== "json_schema") faults.add("output_config.format.type", "must be `json_schema`.");
    chat.response_format = {
      type: "json_schema",
      json_schema: { name: "answer", strict: true, schema: format.schema },
    };
  }
  if (json.stream === true) Object.assign(chat, { stream: true, stream_options: { include_usage: true } });
  return chat;
}

function makeTools(tools: unknown, faults: Faults): object[] {
  if (!Array.isArray(tools)) {
    faults.add("tools", "must be a list.");
    return [];
  }
  return (tools as unknown[]).map((tool, index) => {
    const fields = isJson(tool) ? tool : {};
    const { type, name, description, input_schema: parameters } = fields;
    if (!isAbsent(type) && type !== "custom")
      faults.add(`tools.${index}.type`, "must be `custom`: the providers of this model have no tools of their own.");
    if (typeof name !== "string") faults.add(`tools.${index}.name`, "must be a string.");
    return {
      type: "function",
      function: { name, ...(typeof description === "string" ? { description } : {}), parameters: parameters ?? {} },
    };
  });
}

function makeToolChoice(choice: unknown, faults: Faults): Json {
  const fields = isJson(choice) ? choice : {};
  const parallel = fields.disable_parallel_tool_use === true ? { parallel_tool_calls: false } : {};
  switch (fields.type) {
    case "auto":
    case "none":
      return { tool_choice: fields.type, ...parallel };
    case "any":
      return { tool_choice: "required", ...parallel };
    case "tool":
      return { tool_choice: { type: "function", function: { name: fields.name } }, ...parallel };
    default:
      faults.add("tool_choice.type", "must be `auto`, `any`, `tool` or `none`.");
      return {};
  }
}
