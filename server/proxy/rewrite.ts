import { replaceTopLevelFields } from "../core/json-spans.ts";
import { isTranslated as isReadHere, providerTypes } from "../core/provider-type.ts";
import type { ProviderTarget, UpstreamRequest, WireEndpoint } from "../providers/types.ts";
import type { ParsedInference } from "./parse.ts";
import { isNativeTarget } from "./surfaces/native-targets.ts";

/**
 * What one provider is sent: the client's own bytes where it takes their wire, else their translation.
 *
 * @param wire of the surface that the request came by.
 */
export function makeUpstreamRequest(
  wire: WireEndpoint,
  request: ParsedInference,
  target: ProviderTarget,
  outputTokensMax: number | null,
  requestId: string,
): UpstreamRequest {
  const { translation } = request;
  const isTranslated = translation !== null && (translation.always || !isNativeTarget(target, wire));
  const form = isTranslated ? translation.request : request;
  const endpoint = isTranslated ? translation.endpoint : wire;
  const body = makeUpstreamBody(endpoint, form, target, outputTokensMax, isTranslated);
  return {
    endpoint,
    body,
    stream: request.stream,
    requestId,
    // Only providers that translate it or answer themselves read it; they must see what another would be sent.
    json: body !== form.body && isReadHere(target.type) ? JSON.parse(body.toString()) : form.json,
    headers: form.headers,
    contentType: form.contentType,
  };
}

/**
 * The body for one provider: the client's own bytes, but for the model's name at that provider, tags (ours, not the
 * provider's), the usage chunk that metering needs, and a lower output cap where one was set.
 */
function makeUpstreamBody(
  endpoint: WireEndpoint,
  request: ParsedInference,
  target: ProviderTarget,
  outputTokensMax: number | null,
  isTranslated: boolean,
): Buffer {
  if (request.contentType !== null) return replaceFormModel(request, target.upstreamModel);
  const changes: Record<string, string | null> = {};
  let changed = false;
  const set = (field: string, text: string | null): void => {
    changes[field] = text;
    changed = true;
  };
  if (target.upstreamModel !== request.model) set("model", JSON.stringify(target.upstreamModel));
  if (request.json.tags !== undefined) set("tags", null);
  if (request.json["tensorzero::tags"] !== undefined) set("tensorzero::tags", null);
  const isOpenAiText = endpoint === "chat_completions" || endpoint === "completions";
  const { streamUsage, chatCapField } = providerTypes[target.type];
  if (streamUsage === "given") {
    if (isOpenAiText && request.json.stream_options !== undefined) set("stream_options", null);
  } else if (request.stream && !request.includeUsage && isOpenAiText) {
    set("stream_options", JSON.stringify({ ...(request.json.stream_options as object | null), include_usage: true }));
  }
  const cap = outputTokensMax ?? request.outputTokensMax;
  const isChanged = outputTokensMax !== null && outputTokensMax !== request.outputTokensMax;
  // A translation does not know whom it is for; OpenAI's newer models know one of the two spellings only.
  const isRenamed =
    cap !== null &&
    ((isTranslated && chatCapField === "max_completion_tokens") ||
      (isOpenAiText && chatCapField === "max_tokens" && request.json.max_completion_tokens !== undefined));
  if ((isChanged || isRenamed) && cappedEndpoints.has(endpoint)) {
    const field = findCapField(endpoint, request, target);
    set(field, String(cap));
    const other = field === "max_tokens" ? "max_completion_tokens" : "max_tokens";
    if (isOpenAiText && request.json[other] !== undefined) set(other, null);
  }
  return changed ? replaceTopLevelFields(request.body, [...request.fields], changes) : request.body;
}

/** What takes a cap on its output at all. */
const cappedEndpoints: ReadonlySet<WireEndpoint> = new Set([
  "chat_completions",
  "completions",
  "messages",
  "responses",
]);

function findCapField(endpoint: WireEndpoint, { json }: ParsedInference, { type }: ProviderTarget): string {
  if (endpoint === "messages") return "max_tokens";
  if (endpoint === "responses") return "max_output_tokens";
  const { chatCapField } = providerTypes[type];
  if (chatCapField === "max_tokens") return "max_tokens";
  const isNew =
    "max_completion_tokens" in json || (chatCapField === "max_completion_tokens" && endpoint === "chat_completions");
  return isNew ? "max_completion_tokens" : "max_tokens";
}

/** The one field of a form that is ours to change is the model's name, whose place is known. */
function replaceFormModel({ body, fields, model }: ParsedInference, upstreamModel: string): Buffer {
  const [field] = fields;
  if (field === undefined || model === upstreamModel) return body;
  return Buffer.concat([body.subarray(0, field.valueStart), Buffer.from(upstreamModel), body.subarray(field.valueEnd)]);
}
