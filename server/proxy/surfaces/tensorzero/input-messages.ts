import type { Faults } from "../faults.ts";
import { isAbsent, isJson, type Json } from "../json-value.ts";

/** The messages of a chat completion, from TensorZero's `input`. */
export function makeInputMessages(input: unknown, systemText: string | null, faults: Faults): object[] {
  if (!isJson(input)) {
    faults.add("input", "must be an object with `messages` and, if you like, `system`.");
    return [];
  }
  for (const name of Object.keys(input)) {
    if (name !== "system" && name !== "messages") faults.add(`input.${name.slice(0, 64)}`, "is not known.");
  }
  const messages: object[] = [];
  if (systemText !== null) messages.push({ role: "system", content: systemText });
  if (typeof input.system === "string") messages.push({ role: "system", content: input.system });
  else if (!isAbsent(input.system)) faults.add("input.system", "must be a text: templates are not supported.");
  if (isAbsent(input.messages)) return messages;
  if (!Array.isArray(input.messages)) faults.add("input.messages", "must be a list.");
  else {
    for (const [index, message] of (input.messages as unknown[]).entries()) {
      const path = `input.messages.${index}`;
      if (!isJson(message)) faults.add(path, "must be an object.");
      else if (message.role === "user") messages.push(...makeUser(message.content, `${path}.content`, faults));
      else if (message.role === "assistant") messages.push(makeAssistant(message.content, `${path}.content`, faults));
      else faults.add(`${path}.role`, "must be `user` or `assistant`.");
    }
  }
  return messages;
}

function listBlocks(content: unknown, path: string, faults: Faults): Json[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (Array.isArray(content) && content.every(isJson)) return content;
  faults.add(path, "must be a text or a list of blocks: templates are not supported.");
  return [];
}

function makeUser(content: unknown, path: string, faults: Faults): object[] {
  const results: object[] = [];
  const parts: Json[] = [];
  for (const [index, block] of listBlocks(content, path, faults).entries()) {
    const at = `${path}.${index}`;
    if (block.type === "tool_result") {
      const { id, result } = block;
      if (typeof id !== "string" || typeof result !== "string") faults.add(at, "must have `id` and `result` as texts.");
      results.push({ role: "tool", tool_call_id: id, content: result });
      continue;
    }
    const text = readText(block);
    const part = text === null ? makeFile(block) : { type: "text", text };
    if (part !== null) parts.push(part);
    else if (block.type !== "thought") {
      faults.add(at, "must be a block of text, raw_text, file or tool_result: others are not supported here.");
    }
  }
  if (parts.length === 0) return results.length > 0 ? results : [{ role: "user", content: "" }];
  const [only] = parts;
  const isText = parts.length === 1 && only?.type === "text";
  return [...results, { role: "user", content: isText ? only.text : parts }];
}

/** The text of a block; `null` where it is none, or one whose text a template would make. */
function readText({ type, text, value }: Json): string | null {
  if (type === "text" && typeof text === "string") return text;
  // The older spelling, and text that no template touches.
  return (type === "text" || type === "raw_text") && typeof value === "string" ? value : null;
}

function makeFile({ type, url, data, mime_type: mime, filename }: Json): Json | null {
  if (type !== "file" && type !== "image") return null;
  if (typeof url === "string") return { type: "image_url", image_url: { url } };
  if (typeof data !== "string" || typeof mime !== "string") return null;
  const address = `data:${mime};base64,${data}`;
  if (mime.startsWith("image/")) return { type: "image_url", image_url: { url: address } };
  return { type: "file", file: { filename: typeof filename === "string" ? filename : "file", file_data: address } };
}

function makeAssistant(content: unknown, path: string, faults: Faults): object {
  const texts: string[] = [];
  const calls: object[] = [];
  for (const [index, block] of listBlocks(content, path, faults).entries()) {
    const text = readText(block);
    if (text !== null) texts.push(text);
    else if (block.type === "tool_call") {
      const name = block.name ?? block.raw_name;
      const given = block.arguments ?? block.raw_arguments ?? {};
      if (typeof block.id !== "string" || typeof name !== "string")
        faults.add(`${path}.${index}`, "must have `id` and `name` as texts.");
      const text = typeof given === "string" ? given : JSON.stringify(given);
      calls.push({ id: block.id, type: "function", function: { name, arguments: text } });
    } else if (block.type !== "thought") {
      faults.add(`${path}.${index}`, "must be a block of text, raw_text or tool_call: others are not supported here.");
    }
  }
  const said = texts.length === 0 && calls.length > 0 ? null : texts.join("\n\n");
  return { role: "assistant", content: said, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
}
