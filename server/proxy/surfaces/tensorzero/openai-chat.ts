import { type Refusal } from "../../../core/error.ts";
import { replaceTopLevelFields } from "../../../core/json-spans.ts";
import type { ProxyContext } from "../../context.ts";
import { type JsonBody, makeInvalid, parseJsonBody } from "../../json-body.ts";
import { isModel, makeModelRefusal, makeParsed, type ParsedInference, readInference } from "../../parse.ts";
import { Faults } from "../faults.ts";
import { isAbsent, type Json } from "../json-value.ts";
import { makeChatParams } from "./chat-params.ts";
import { makeJsonFormat } from "./inference-surface.ts";
import { type AskedCompletion, CompletionStream, makeCompletion } from "./openai-answer.ts";
import { parseCredentials } from "./request-credentials.ts";
import { findEpisodeId, findFunction, type RoutedFunction } from "./routed-function.ts";
import { checkUnsupported } from "./unsupported.ts";

const prefix = "tensorzero::";
const functionPrefix = "tensorzero::function_name::";
const modelPrefix = "tensorzero::model_name::";

const knownFields: ReadonlySet<string> = new Set(
  `tags credentials episode_id variant_name dryrun cache_options extra_body extra_headers params provider_tools
  include_raw_response include_raw_usage include_original_response include_aggregated_response namespace internal deny_unknown_fields`
    .split(/\s+/)
    .map((name) => prefix + name),
);

/** What the provider is sent in place of the client's own fields. */
function makeChanges(
  { fields, json }: JsonBody,
  model: string,
  fn: RoutedFunction | null,
  faults: Faults,
): Record<string, string | null> {
  const changes: Record<string, string | null> = { model: JSON.stringify(model) };
  const set = (name: string, value: unknown): void => {
    changes[name] = JSON.stringify(value);
  };
  for (const { key } of fields) if (key.startsWith(prefix)) changes[key] = null;
  for (const [name, value] of Object.entries(fn?.variant.defaults ?? {})) if (isAbsent(json[name])) set(name, value);
  for (const [name, value] of Object.entries(makeChatParams(json["tensorzero::params"], "tensorzero::params", faults)))
    set(name, value);
  const { max_tokens: one, max_completion_tokens: other, messages } = json;
  // TensorZero obeys the smaller of the two.
  if (typeof one === "number" && typeof other === "number") {
    changes.max_completion_tokens = null;
    set("max_tokens", Math.min(one, other));
  }
  const systemText = fn?.variant.systemText ?? null;
  if (systemText !== null && Array.isArray(messages)) {
    set("messages", [{ role: "system", content: systemText }, ...(messages as unknown[])]);
  }
  if (fn?.type === "json" && isAbsent(json.response_format)) set("response_format", makeJsonFormat(fn.outputSchema));
  if (json.stream === true) set("stream_options", { ...(json.stream_options as Json | null), include_usage: true });
  return changes;
}

/**
 * Reads a chat completion that is written for TensorZero's gateway: `tensorzero::function_name::F`, or fields that begin
 * with `tensorzero::`.
 */
export function parseTensorZeroChat(proxy: ProxyContext, body: Buffer, read: JsonBody): ParsedInference | Refusal {
  const { json } = read;
  const { model: sent } = json;
  if (!isModel(sent)) return makeModelRefusal();
  const episodeId = findEpisodeId(json["tensorzero::episode_id"], "tensorzero::episode_id", proxy.makeEventId);
  if (typeof episodeId !== "string") return episodeId;
  const brought = parseCredentials(json["tensorzero::credentials"], "tensorzero::credentials");
  if ("code" in brought) return brought;

  const variant = json["tensorzero::variant_name"];
  if (!isAbsent(variant) && typeof variant !== "string")
    return makeInvalid("`tensorzero::variant_name` must be a text.", "tensorzero::variant_name");
  let fn: RoutedFunction | null = null;
  if (sent.startsWith(functionPrefix)) {
    const name = sent.slice(functionPrefix.length);
    if (name === "") return makeInvalid("`model` must name a function behind `tensorzero::function_name::`.", "model");
    const found = findFunction(proxy.config.functions, name, variant ?? null, episodeId, "model");
    if ("code" in found) return found;
    fn = found;
  } else if (!isAbsent(variant))
    return makeInvalid("`tensorzero::variant_name` is for functions only.", "tensorzero::variant_name");
  else if (sent.startsWith(prefix) && !sent.startsWith(modelPrefix)) {
    return makeInvalid(`\`model\` must be ${modelPrefix}NAME or ${functionPrefix}NAME.`, "model");
  }
  const model = fn?.variant.model ?? sent;

  const faults = new Faults();
  for (const { key } of read.fields) {
    if (key.startsWith(prefix) && !knownFields.has(key)) faults.add(key.slice(0, 64), "is not supported.");
  }
  checkUnsupported(json, prefix, faults);
  // Judged as the client wrote it, so that a mistake is named as the client knows it.
  const own = readInference("chat_completions", body, read);
  if ("code" in own) return own;
  const changes = makeChanges(read, model, fn, faults);
  if (faults.first !== null) return faults.first;
  const chatBody = replaceTopLevelFields(body, [...read.fields], changes);
  const chatRead = parseJsonBody(chatBody);
  if ("code" in chatRead) return chatRead;
  const chat = readInference("chat_completions", chatBody, chatRead);
  if ("code" in chat) return chat;

  const asked: AskedCompletion = {
    episodeId,
    model: fn === null ? sent : `${functionPrefix}${fn.name}::variant_name::${fn.variant.name}`,
    includeUsage: own.includeUsage,
  };
  const parsed = makeParsed(body, read, model);
  parsed.stream = chat.stream;
  parsed.outputTokensMax = chat.outputTokensMax;
  parsed.choices = chat.choices;
  parsed.inputBytes = Math.max(body.length, chatBody.length);
  parsed.credentials = brought.secrets;
  parsed.translation = {
    request: chat,
    endpoint: "chat_completions",
    always: true,
    makeAnswer: (answer, facts) => makeCompletion(answer, facts, asked),
    openStream: (call) => new CompletionStream(call, asked),
  };
  return parsed;
}
