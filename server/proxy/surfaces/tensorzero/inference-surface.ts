import type { Refusal } from "../../../core/error.ts";
import type { ProxyContext } from "../../context.ts";
import { type JsonBody, makeInvalid, parseJsonBody } from "../../json-body.ts";
import { isModel, makeParsed, type ParsedInference } from "../../parse.ts";
import { makeChatForm } from "../chat-form.ts";
import { Faults } from "../faults.ts";
import { isAbsent, isJson, type Json } from "../json-value.ts";
import type { Surface } from "../surface.ts";
import { makeChatParams } from "./chat-params.ts";
import { type AskedInference, makeInference } from "./inference-answer.ts";
import { InferenceStream } from "./inference-stream.ts";
import { makeInputMessages } from "./input-messages.ts";
import { parseCredentials } from "./request-credentials.ts";
import { findEpisodeId, findFunction, type RoutedFunction } from "./routed-function.ts";
import { tensorZeroErrors } from "./tensorzero-errors.ts";
import { makeToolFields } from "./tool-fields.ts";
import { checkUnsupported } from "./unsupported.ts";

const knownFields = new Set(
  `function_name model_name input episode_id stream params tags credentials dryrun variant_name cache_options
  additional_tools allowed_tools tool_choice parallel_tool_calls provider_tools output_schema extra_body extra_headers
  include_raw_response include_raw_usage include_original_response include_aggregated_response namespace internal`.split(
    /\s+/,
  ),
);

/** What is asked: a model, or a function with the variant that answers. */
interface Route {
  model: string;
  fn: RoutedFunction | null;
  episodeId: string;
}

function findRoute(proxy: ProxyContext, json: Json): Route | Refusal {
  const { function_name: fn, model_name: model, variant_name: variant } = json;
  const episodeId = findEpisodeId(json.episode_id, "episode_id", proxy.makeEventId);
  if (typeof episodeId !== "string") return episodeId;
  if (isAbsent(fn) === isAbsent(model)) {
    return makeInvalid("One of `function_name` and `model_name` must be given, and not both.", "function_name");
  }
  if (!isAbsent(variant) && typeof variant !== "string") {
    return makeInvalid("`variant_name` must be a text.", "variant_name");
  }
  if (!isAbsent(model)) {
    if (!isModel(model)) return makeInvalid("`model_name` must be the name of a model.", "model_name");
    if (!isAbsent(variant)) return makeInvalid("`variant_name` is for functions only.", "variant_name");
    return { model, fn: null, episodeId };
  }
  if (typeof fn !== "string") return makeInvalid("`function_name` must be a text.", "function_name");
  const found = findFunction(proxy.config.functions, fn, variant ?? null, episodeId, "function_name");
  return "code" in found ? found : { model: found.variant.model, fn: found, episodeId };
}

function makeChat(json: Json, { model, fn }: Route, faults: Faults): Record<string, unknown> {
  for (const name of Object.keys(json)) {
    if (!knownFields.has(name) && !isAbsent(json[name])) faults.add(name.slice(0, 64), "is not known.");
  }
  checkUnsupported(json, "", faults);
  const { stream, output_schema: schema } = json;
  if (!isAbsent(stream) && typeof stream !== "boolean") faults.add("stream", "must be true or false.");
  if (!isAbsent(schema) && fn?.type !== "json") faults.add("output_schema", "is for functions of type `json` only.");
  const chat: Record<string, unknown> = {
    model,
    messages: makeInputMessages(json.input, fn?.variant.systemText ?? null, faults),
    ...fn?.variant.defaults,
    ...makeChatParams(json.params, "params", faults),
    ...makeToolFields(json, faults),
  };
  if (fn?.type === "json") chat.response_format = makeJsonFormat(isJson(schema) ? schema : fn.outputSchema);
  if (stream === true) Object.assign(chat, { stream: true, stream_options: { include_usage: true } });
  return chat;
}

/** How a JSON function asks for its answer. */
export function makeJsonFormat(schema: Json | null): object {
  return schema === null
    ? { type: "json_object" }
    : { type: "json_schema", json_schema: { name: "answer", strict: true, schema } };
}

function parseBody(proxy: ProxyContext, body: Buffer, read: JsonBody): ParsedInference | Refusal {
  const { json } = read;
  const route = findRoute(proxy, json);
  if ("code" in route) return route;
  const brought = parseCredentials(json.credentials, "credentials");
  if ("code" in brought) return brought;
  const faults = new Faults();
  const chat = makeChatForm(makeChat(json, route, faults));
  if (faults.first !== null) return faults.first;
  if ("code" in chat) return chat;
  const asked: AskedInference = {
    episodeId: route.episodeId,
    variantName: route.fn?.variant.name ?? route.model,
    isJson: route.fn?.type === "json",
  };
  const parsed = makeParsed(body, read, route.model);
  parsed.stream = chat.stream;
  parsed.outputTokensMax = chat.outputTokensMax;
  parsed.inputBytes = Math.max(body.length, chat.body.length);
  parsed.credentials = brought.secrets;
  parsed.translation = {
    request: chat,
    endpoint: "chat_completions",
    always: true,
    makeAnswer: (answer, facts) => makeInference(answer, facts, asked),
    openStream: (call) => new InferenceStream(call, asked),
  };
  return parsed;
}

/** `POST /inference`: TensorZero's shape. */
export const inferenceSurface: Surface = {
  endpoint: "inference",
  wire: "chat_completions",
  credential: "bearer",
  errors: tensorZeroErrors,
  takesForms: false,
  passesMedia: false,
  parse(proxy, body) {
    const read = parseJsonBody(body);
    return "code" in read ? read : parseBody(proxy, body, read);
  },
  prepare: (_parsed, model) => model,
};
