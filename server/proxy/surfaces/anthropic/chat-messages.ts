import type { Faults } from "../faults.ts";
import { isAbsent, isJson, type Json } from "../json-value.ts";

type Part = Json;

/** Blocks that only say what a model thought: no other provider takes them back. */
const thoughts: ReadonlySet<unknown> = new Set(["thinking", "redacted_thinking"]);

/** The messages of a chat completion, from the system text and the messages of Anthropic's. */
export function makeChatMessages(json: Json, faults: Faults): object[] {
  const messages: object[] = [];
  const system = readText(json.system, "system", faults);
  if (system !== "") messages.push({ role: "system", content: system });
  if (!Array.isArray(json.messages)) {
    faults.add("messages", "must be a list.");
    return messages;
  }
  for (const [index, message] of (json.messages as unknown[]).entries()) {
    const path = `messages.${index}`;
    if (!isJson(message)) faults.add(path, "must be an object.");
    else if (message.role === "user") messages.push(...makeUserMessages(message.content, `${path}.content`, faults));
    else if (message.role === "assistant")
      messages.push(makeAssistantMessage(message.content, `${path}.content`, faults));
    else if (message.role === "system")
      messages.push({ role: "system", content: readText(message.content, `${path}.content`, faults) });
    else faults.add(`${path}.role`, "must be `user` or `assistant`.");
  }
  return messages;
}

/** The text of a string or of a list of text blocks. */
function readText(value: unknown, path: string, faults: Faults): string {
  if (isAbsent(value)) return "";
  if (typeof value === "string") return value;
  const texts: string[] = [];
  for (const [index, block] of listBlocks(value, path, faults).entries()) {
    if (block.type === "text" && typeof block.text === "string") texts.push(block.text);
    else faults.add(`${path}.${index}`, "must be a text block for this model.");
  }
  return texts.join("\n\n");
}

function listBlocks(value: unknown, path: string, faults: Faults): Json[] {
  if (Array.isArray(value) && value.every(isJson)) return value;
  faults.add(path, "must be a string or a list of blocks.");
  return [];
}

/** Results of tools are messages of their own in a chat completion, and come first there as they do at Anthropic's. */
function makeUserMessages(content: unknown, path: string, faults: Faults): object[] {
  if (typeof content === "string") return [{ role: "user", content }];
  const results: object[] = [];
  const parts: Part[] = [];
  for (const [index, block] of listBlocks(content, path, faults).entries()) {
    const at = `${path}.${index}`;
    if (block.type !== "tool_result") {
      const part = makePart(block, at, faults);
      if (part !== null) parts.push(part);
      continue;
    }
    const { tool_use_id: id, content: result } = block;
    if (typeof id !== "string") faults.add(`${at}.tool_use_id`, "must be a string.");
    const inner: Part[] = [];
    if (typeof result === "string") inner.push({ type: "text", text: result });
    else if (!isAbsent(result)) {
      for (const [place, each] of listBlocks(result, `${at}.content`, faults).entries()) {
        const part = makePart(each, `${at}.content.${place}`, faults);
        if (part !== null) inner.push(part);
      }
    }
    const texts = inner.flatMap((part) => (typeof part.text === "string" ? [part.text] : []));
    results.push({ role: "tool", tool_call_id: id, content: texts.join("\n\n") });
    // A tool's message holds text alone; its pictures follow as the user's.
    parts.push(...inner.filter((part) => part.type !== "text"));
  }
  if (parts.length === 0) return results.length > 0 ? results : [{ role: "user", content: "" }];
  return [...results, { role: "user", content: joinTexts(parts) }];
}

/** Text alone goes as a string, which every provider takes. */
function joinTexts(parts: readonly Part[]): string | readonly Part[] {
  return parts.every((part) => part.type === "text") ? parts.map((part) => part.text).join("\n\n") : parts;
}

function makePart(block: Json, path: string, faults: Faults): Part | null {
  const { type, text, source } = block;
  if (type === "text" && typeof text === "string") return { type, text };
  if ((type === "image" || type === "document") && isJson(source)) {
    const { type: kind, data, media_type: media, url } = source;
    const isData = kind === "base64" && typeof data === "string" && typeof media === "string";
    if (type === "image" && isData) return { type: "image_url", image_url: { url: `data:${media};base64,${data}` } };
    if (type === "image" && kind === "url" && typeof url === "string") return { type: "image_url", image_url: { url } };
    if (type === "document" && kind === "text" && typeof data === "string") return { type: "text", text: data };
    if (type === "document" && isData) {
      const filename = typeof block.title === "string" ? block.title : "document.pdf";
      return { type: "file", file: { filename, file_data: `data:${media};base64,${data}` } };
    }
    faults.add(`${path}.source`, "must be base64 data, text of a document or the URL of an image for this model.");
    return null;
  }
  faults.add(path, "must be a text, image, document or tool_result block for this model.");
  return null;
}

function makeAssistantMessage(content: unknown, path: string, faults: Faults): object {
  if (typeof content === "string") return { role: "assistant", content };
  const texts: string[] = [];
  const calls: object[] = [];
  for (const [index, block] of listBlocks(content, path, faults).entries()) {
    const { type, text, id, name, input } = block;
    if (type === "text" && typeof text === "string") texts.push(text);
    else if (type === "tool_use" && typeof id === "string" && typeof name === "string")
      calls.push({ id, type: "function", function: { name, arguments: JSON.stringify(input ?? {}) } });
    else if (!thoughts.has(type)) faults.add(`${path}.${index}`, "must be a text or tool_use block for this model.");
  }
  const said = texts.length === 0 && calls.length > 0 ? null : texts.join("\n\n");
  return { role: "assistant", content: said, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
}
