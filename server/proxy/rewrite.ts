import { replaceTopLevelFields } from "../core/json-spans.ts";
import { type ProviderTypeDefaults, providerTypes } from "../core/provider-type.ts";
import type { ProviderTarget, WireEndpoint } from "../providers/types.ts";
import type { ParsedInference } from "./parse.ts";

/**
 * The body for one provider: the client's own bytes, but for the model's name at that provider, tags (ours, not the
 * provider's), the usage chunk that metering needs, and a lower output cap where one was set.
 */
export function makeUpstreamBody(
  endpoint: WireEndpoint,
  request: ParsedInference,
  target: ProviderTarget,
  outputTokensMax: number | null,
): Buffer {
  const changes: Record<string, string | null> = {};
  let changed = false;
  const set = (field: string, text: string | null): void => {
    changes[field] = text;
    changed = true;
  };
  if (target.upstreamModel !== request.model) set("model", JSON.stringify(target.upstreamModel));
  if (request.json.tags !== undefined) set("tags", null);
  if (request.json["tensorzero::tags"] !== undefined) set("tensorzero::tags", null);
  const { streamUsage, chatCapField } = providerTypes[target.type];
  if (streamUsage === "given") {
    if (request.json.stream_options !== undefined) set("stream_options", null);
  } else if (request.stream && !request.includeUsage) {
    set("stream_options", JSON.stringify({ ...(request.json.stream_options as object | null), include_usage: true }));
  }
  const cap = outputTokensMax !== request.outputTokensMax && endpoint !== "embeddings" ? outputTokensMax : null;
  // A name that the provider does not know would be refused.
  const isMisnamed = chatCapField === "max_tokens" && (request.json.max_completion_tokens ?? null) !== null;
  if (cap !== null || isMisnamed) {
    const field = findCapField(endpoint, request, chatCapField);
    set(field, String(cap ?? request.outputTokensMax));
    const other = field === "max_tokens" ? "max_completion_tokens" : "max_tokens";
    if (request.json[other] !== undefined) set(other, null);
  }
  return changed ? replaceTopLevelFields(request.body, [...request.fields], changes) : request.body;
}

function findCapField(
  endpoint: WireEndpoint,
  request: ParsedInference,
  chatCapField: ProviderTypeDefaults["chatCapField"],
): "max_tokens" | "max_completion_tokens" {
  if (chatCapField === "max_tokens") return "max_tokens";
  if ("max_completion_tokens" in request.json) return "max_completion_tokens";
  return chatCapField === "max_completion_tokens" && endpoint === "chat_completions" ? chatCapField : "max_tokens";
}
