import type { Faults } from "../faults.ts";
import { isAbsent, isJson, type Json } from "../json-value.ts";

/** A message of a chat completion that is being put together. */
interface ChatMessage {
  role: string;
  content?: unknown;
  tool_call_id?: unknown;
  tool_calls?: object[];
}

/** The messages of a chat completion, from the input of a response. Source: OpenAI's API reference, responses. */
export function makeItemMessages(json: Json, faults: Faults): object[] {
  const { instructions, input } = json;
  const messages: ChatMessage[] = [];
  if (typeof instructions === "string") messages.push({ role: "system", content: instructions });
  else if (!isAbsent(instructions)) faults.add("instructions", "must be a text.");
  if (typeof input === "string") messages.push({ role: "user", content: input });
  else if (!Array.isArray(input)) faults.add("input", "must be a text or a list of items.");
  else for (const [index, item] of (input as unknown[]).entries()) addItem(item, `input.${index}`, messages, faults);
  return messages;
}

function addItem(item: unknown, path: string, messages: ChatMessage[], faults: Faults): void {
  const fields = isJson(item) ? item : {};
  switch (fields.type ?? "message") {
    case "message":
      return addMessage(fields, path, messages, faults);
    case "function_call": {
      const { call_id: id, name, arguments: text } = fields;
      if (typeof id !== "string" || typeof name !== "string" || typeof text !== "string")
        faults.add(path, "must have `call_id`, `name` and `arguments` as texts.");
      const call = { id, type: "function", function: { name, arguments: text } };
      const last = messages.at(-1);
      // The calls of one turn are one message, with what was said before them.
      if (last?.role === "assistant") last.tool_calls = [...(last.tool_calls ?? []), call];
      else messages.push({ role: "assistant", content: null, tool_calls: [call] });
      return;
    }
    case "function_call_output": {
      const { call_id: id, output } = fields;
      if (typeof id !== "string") faults.add(`${path}.call_id`, "must be a text.");
      messages.push({ role: "tool", tool_call_id: id, content: readTexts(output, `${path}.output`, faults) });
      return;
    }
    // What a model thought is its own.
    case "reasoning":
      return;
    default:
      faults.add(
        `${path}.type`,
        "must be `message`, `function_call`, `function_call_output` or `reasoning` for this model.",
      );
  }
}

const roles: ReadonlySet<unknown> = new Set(["user", "assistant", "system", "developer"]);

function addMessage(fields: Json, path: string, messages: ChatMessage[], faults: Faults): void {
  const { role, content } = fields;
  if (!roles.has(role)) faults.add(`${path}.role`, "must be `user`, `assistant`, `system` or `developer`.");
  // Few providers know the newer word.
  const chatRole = role === "developer" ? "system" : (role as string);
  if (chatRole !== "user") {
    messages.push({ role: chatRole, content: readTexts(content, `${path}.content`, faults) });
    return;
  }
  if (typeof content === "string") {
    messages.push({ role: chatRole, content });
    return;
  }
  const parts = listParts(content, `${path}.content`, faults).map((part, index) =>
    makePart(part, `${path}.content.${index}`, faults),
  );
  const [only] = parts;
  messages.push({ role: chatRole, content: parts.length === 1 && only?.type === "text" ? only.text : parts });
}

function listParts(value: unknown, path: string, faults: Faults): Json[] {
  if (Array.isArray(value) && value.every(isJson)) return value;
  faults.add(path, "must be a text or a list of parts.");
  return [];
}

function readTexts(value: unknown, path: string, faults: Faults): string {
  if (typeof value === "string") return value;
  return listParts(value, path, faults)
    .map(({ text, refusal }, index) => {
      const said = text ?? refusal;
      if (typeof said === "string") return said;
      faults.add(`${path}.${index}`, "must be a part of text for this model.");
      return "";
    })
    .join("\n\n");
}

function makePart({ type, text, image_url: url, detail, ...file }: Json, path: string, faults: Faults): Json {
  if ((type === "input_text" || type === "output_text") && typeof text === "string") return { type: "text", text };
  if (type === "input_image" && typeof url === "string") {
    return { type: "image_url", image_url: { url, ...(typeof detail === "string" ? { detail } : {}) } };
  }
  if (type === "input_file" && typeof file.file_data === "string") {
    return { type: "file", file: { filename: file.filename ?? "file", file_data: file.file_data } };
  }
  faults.add(path, "must be an input_text, an input_image with a URL, or an input_file with its data for this model.");
  return {};
}
