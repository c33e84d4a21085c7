import type { Refusal } from "../../core/error.ts";
import { parseJsonBody } from "../json-body.ts";
import { type ParsedInference, readInference } from "../parse.ts";

/** A chat completion that was made from another request, as if a client had sent it. */
export function makeChatForm(chat: Readonly<Record<string, unknown>>): ParsedInference | Refusal {
  const body = Buffer.from(JSON.stringify(chat));
  const parsed = parseJsonBody(body);
  return "code" in parsed ? parsed : readInference("chat_completions", body, parsed);
}
