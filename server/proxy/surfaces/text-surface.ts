import type { WireEndpoint } from "../../providers/types.ts";
import { makeInvalid, parseJsonBody } from "../json-body.ts";
import { readInference } from "../parse.ts";
import { prepareNative } from "./native-targets.ts";
import { openAiErrors } from "./openai-errors.ts";
import type { Surface } from "./surface.ts";
import { parseTensorZeroEmbeddings } from "./tensorzero/openai-embeddings.ts";
import { findTensorZeroField, isTensorZeroBody } from "./tensorzero/tensorzero-fields.ts";

/** OpenAI's `/completions` and `/embeddings`: passed through to the providers that have them. */
export function makeTextSurface(wire: WireEndpoint, path: string): Surface {
  return {
    endpoint: wire,
    wire,
    credential: "bearer",
    errors: openAiErrors,
    takesForms: false,
    passesMedia: false,
    parse(_proxy, body) {
      const parsed = parseJsonBody(body);
      if ("code" in parsed) return parsed;
      if (wire === "embeddings" && isTensorZeroBody(parsed)) return parseTensorZeroEmbeddings(body, parsed);
      const unknown = findTensorZeroField(parsed);
      if (unknown !== null) return makeInvalid(`\`${unknown}\` is not supported.`, unknown);
      return readInference(wire, body, parsed);
    },
    prepare: (_parsed, model) => prepareNative(model, wire, path),
  };
}
