import type { IncomingMessage } from "node:http";
import type { Refusal } from "../../../core/error.ts";
import { makeInvalid, parseJsonBody } from "../../json-body.ts";
import { isModel, makeModelRefusal, makeParsed, type ParsedInference } from "../../parse.ts";
import { makeChatForm } from "../chat-form.ts";
import { Faults } from "../faults.ts";
import { isJson } from "../json-value.ts";
import { prepareTranslated } from "../native-targets.ts";
import type { Surface, Translation } from "../surface.ts";
import { anthropicErrors } from "./anthropic-errors.ts";
import { makeChatRequest } from "./chat-request.ts";
import { type AskedMessage, makeMessage } from "./message-answer.ts";
import { MessageStream } from "./message-stream.ts";

/** Headers that go to a provider which speaks Anthropic's wire. */
const passedHeaders = ["anthropic-version", "anthropic-beta"] as const;
const headerValue = /^[\x20-\x7e]{1,1000}$/;

/** Those of a request that go upstream with it. */
function findPassedHeaders(request: IncomingMessage): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const name of passedHeaders) {
    const value = request.headers[name];
    if (typeof value === "string" && headerValue.test(value)) headers[name] = value;
  }
  return headers;
}

/** Reads what the gateway must know of a request of Anthropic's. */
export function parseMessages(body: Buffer, request: IncomingMessage, needsCap: boolean): ParsedInference | Refusal {
  const read = parseJsonBody(body);
  if ("code" in read) return read;
  const { model, stream, max_tokens: cap, messages } = read.json;
  if (!isModel(model)) return makeModelRefusal();
  if (!Array.isArray(messages)) return makeInvalid("`messages` must be a list.", "messages");
  if (stream !== undefined && stream !== null && typeof stream !== "boolean")
    return makeInvalid("`stream` must be true or false.", "stream");
  if (needsCap && (typeof cap !== "number" || !Number.isSafeInteger(cap) || cap < 1))
    return makeInvalid("`max_tokens` must be a whole number >= 1.", "max_tokens");
  const parsed = makeParsed(body, read, model);
  parsed.stream = stream === true;
  parsed.outputTokensMax = needsCap ? (cap as number) : 0;
  parsed.headers = findPassedHeaders(request);
  return parsed;
}

function translate({ json, model }: ParsedInference): Translation | Refusal {
  const faults = new Faults();
  const request = makeChatRequest(json, faults);
  if (faults.first !== null) return faults.first;
  const chat = makeChatForm(request);
  if ("code" in chat) return chat;
  const { thinking, stop_sequences: stops } = json;
  const asked: AskedMessage = {
    model,
    stopSequences: Array.isArray(stops) ? stops : [],
    wantsThoughts: isJson(thinking) && (thinking.type === "enabled" || thinking.type === "adaptive"),
  };
  return {
    request: chat,
    endpoint: "chat_completions",
    always: false,
    makeAnswer: (answer, facts) => makeMessage(answer, facts, asked),
    openStream: (call) => new MessageStream(call, asked),
  };
}

/** `POST /v1/messages`: Anthropic's shape. */
export const messagesSurface: Surface = {
  endpoint: "messages",
  wire: "messages",
  credential: "bearer_or_x_api_key",
  errors: anthropicErrors,
  takesForms: false,
  passesMedia: false,
  parse: (_proxy, body, request) => parseMessages(body, request, true),
  prepare: (parsed, model) => prepareTranslated(parsed, model, "messages", translate),
};
