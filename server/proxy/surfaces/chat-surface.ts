import { parseJsonBody } from "../json-body.ts";
import { readInference } from "../parse.ts";
import { openAiErrors } from "./openai-errors.ts";
import type { Surface } from "./surface.ts";
import { parseTensorZeroChat } from "./tensorzero/openai-chat.ts";
import { isTensorZeroBody } from "./tensorzero/tensorzero-fields.ts";

/** `POST /v1/chat/completions`: the shape that every provider takes. */
export const chatSurface: Surface = {
  endpoint: "chat_completions",
  wire: "chat_completions",
  credential: "bearer",
  errors: openAiErrors,
  takesForms: false,
  passesMedia: false,
  parse(proxy, body) {
    const read = parseJsonBody(body);
    if ("code" in read) return read;
    return isTensorZeroBody(read)
      ? parseTensorZeroChat(proxy, body, read)
      : readInference("chat_completions", body, read);
  },
  prepare: (_parsed, model) => model,
};
