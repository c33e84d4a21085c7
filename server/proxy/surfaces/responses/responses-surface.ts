import type { Refusal } from "../../../core/error.ts";
import { makeInvalid, parseJsonBody } from "../../json-body.ts";
import { isModel, makeModelRefusal, makeParsed, type ParsedInference } from "../../parse.ts";
import { makeChatForm } from "../chat-form.ts";
import { Faults } from "../faults.ts";
import { isAbsent } from "../json-value.ts";
import { prepareTranslated } from "../native-targets.ts";
import type { Surface, Translation } from "../surface.ts";
import { findTensorZeroField } from "../tensorzero/tensorzero-fields.ts";
import { makeChatRequest } from "./chat-request.ts";
import { makeWholeResponse } from "./response-answer.ts";
import { ResponseStream } from "./response-stream.ts";
import { responsesErrors } from "./responses-errors.ts";

function parse(body: Buffer): ParsedInference | Refusal {
  const read = parseJsonBody(body);
  if ("code" in read) return read;
  const unknown = findTensorZeroField(read);
  if (unknown !== null) return makeInvalid(`\`${unknown}\` is not supported.`, unknown);
  const { model, stream, max_output_tokens: cap, background } = read.json;
  if (!isModel(model)) return makeModelRefusal();
  if (!isAbsent(stream) && typeof stream !== "boolean") return makeInvalid("`stream` must be true or false.", "stream");
  if (!isAbsent(cap) && (typeof cap !== "number" || !Number.isSafeInteger(cap) || cap < 1))
    return makeInvalid("`max_output_tokens` must be a whole number >= 1.", "max_output_tokens");
  // Its answer comes by another call, which no key here could be charged for.
  if (!isAbsent(background) && background !== false)
    return makeInvalid("`background` must be false or absent: a call is answered at once here.", "background");
  const parsed = makeParsed(body, read, model);
  parsed.stream = stream === true;
  parsed.outputTokensMax = typeof cap === "number" ? cap : null;
  return parsed;
}

function translate({ json }: ParsedInference): Translation | Refusal {
  const faults = new Faults();
  const request = makeChatRequest(json, faults);
  if (faults.first !== null) return faults.first;
  const chat = makeChatForm(request);
  if ("code" in chat) return chat;
  return {
    request: chat,
    endpoint: "chat_completions",
    always: false,
    makeAnswer: (answer, facts) => makeWholeResponse(answer, facts, json),
    openStream: (call) => new ResponseStream(call, json),
  };
}

/** `POST /v1/responses`: OpenAI's newer shape. */
export const responsesSurface: Surface = {
  endpoint: "responses",
  wire: "responses",
  credential: "bearer",
  errors: responsesErrors,
  takesForms: false,
  passesMedia: false,
  parse: (_proxy, body) => parse(body),
  prepare: (parsed, model) => prepareTranslated(parsed, model, "responses", translate),
};
