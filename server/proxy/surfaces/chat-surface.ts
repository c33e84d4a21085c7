import { makeInvalid, parseJsonBody } from "../json-body.ts";
import { readInference } from "../parse.ts";
import { openAiErrors } from "./openai-errors.ts";
import type { Surface } from "./surface.ts";
import { findTensorZeroField } from "./tensorzero-fields.ts";

/** `POST /v1/chat/completions`: the shape that every provider takes. */
export const chatSurface: Surface = {
  endpoint: "chat_completions",
  wire: "chat_completions",
  credential: "bearer",
  errors: openAiErrors,
  takesForms: false,
  parse(_proxy, body) {
    const parsed = parseJsonBody(body);
    if ("code" in parsed) return parsed;
    const unknown = findTensorZeroField(parsed);
    if (unknown !== null) return makeInvalid(`\`${unknown}\` is not supported.`, unknown);
    return readInference("chat_completions", body, parsed);
  },
  prepare: (_parsed, model) => model,
};
