import type { Refusal } from "../../../core/error.ts";
import { imageTokensMax } from "../../../core/input-bound.ts";
import type { WireEndpoint } from "../../../providers/types.ts";
import { makeInvalid, parseJsonBody } from "../../json-body.ts";
import { isModel, makeModelRefusal, makeParsed, type ParsedInference } from "../../parse.ts";
import { isForm } from "../../read-body.ts";
import { prepareNative } from "../native-targets.ts";
import { openAiErrors } from "../openai-errors.ts";
import type { Surface } from "../surface.ts";
import { findTensorZeroField } from "../tensorzero/tensorzero-fields.ts";
import { parseForm } from "./form-body.ts";

/** No provider takes a cap for pictures and speech. One picture has at most some 6,000 tokens, a speech 10,000. */
const outputTokensMax = 16_384;
const withoutOutput: ReadonlySet<WireEndpoint> = new Set(["moderations", "rerank"]);
const picturesMax = 16;

function readJson(body: Buffer): ParsedInference | Refusal {
  const read = parseJsonBody(body);
  if ("code" in read) return read;
  const unknown = findTensorZeroField(read);
  if (unknown !== null) return makeInvalid(`\`${unknown}\` is not supported.`, unknown);
  const { model, stream } = read.json;
  if (!isModel(model)) return makeModelRefusal();
  if (stream !== undefined && stream !== null && typeof stream !== "boolean")
    return makeInvalid("`stream` must be true or false.", "stream");
  const parsed = makeParsed(body, read, model);
  parsed.stream = stream === true || read.json.stream_format === "sse";
  return parsed;
}

async function readForm(body: Buffer, contentType: string): Promise<ParsedInference | Refusal> {
  const form = await parseForm(body, contentType);
  if ("code" in form) return form;
  const { model } = form.texts;
  if (!isModel(model)) return makeModelRefusal();
  const parsed = makeParsed(form.body, { fields: [form.model], json: form.texts }, model);
  parsed.contentType = form.contentType;
  parsed.stream = form.texts.stream === "true";
  // A picture may have more tokens than bytes.
  parsed.inputBytes = form.body.length + form.files * imageTokensMax;
  return parsed;
}

function addOutput(parsed: ParsedInference | Refusal, wire: WireEndpoint): ParsedInference | Refusal {
  if ("code" in parsed) return parsed;
  const pictures = Number(parsed.json.n ?? 1);
  if (!Number.isSafeInteger(pictures) || pictures < 1 || pictures > picturesMax)
    return makeInvalid(`\`n\` must be a whole number from 1 to ${picturesMax}.`, "n");
  parsed.choices = pictures;
  parsed.outputTokensMax = withoutOutput.has(wire) ? 0 : outputTokensMax;
  return parsed;
}

/**
 * A call that is passed through to the providers that have it: pictures, speech, moderation, ranking. Metered by what they
 * report; where they report nothing, by an estimate of the input.
 */
export function makePassSurface(wire: WireEndpoint, path: string): Surface {
  const takesForms = wire.startsWith("images_") || wire === "audio_transcriptions" || wire === "audio_translations";
  return {
    endpoint: wire,
    wire,
    credential: "bearer",
    errors: openAiErrors,
    takesForms,
    passesMedia: true,
    parse(_proxy, body, request) {
      const type = request.headers["content-type"] ?? "";
      if (!isForm(type)) return addOutput(readJson(body), wire);
      return readForm(body, type).then((parsed) => addOutput(parsed, wire));
    },
    prepare: (_parsed, model) => prepareNative(model, wire, path),
  };
}
