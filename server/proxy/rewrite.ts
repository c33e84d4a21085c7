import { replaceTopLevelFields } from "../core/json-spans.ts";
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
  if (request.stream && !request.includeUsage) {
    set("stream_options", JSON.stringify({ ...(request.json.stream_options as object | null), include_usage: true }));
  }
  if (outputTokensMax !== null && endpoint !== "embeddings" && outputTokensMax !== request.outputTokensMax) {
    const field =
      "max_completion_tokens" in request.json || (target.type === "openai" && endpoint === "chat_completions")
        ? "max_completion_tokens"
        : "max_tokens";
    set(field, String(outputTokensMax));
    const other = field === "max_tokens" ? "max_completion_tokens" : "max_tokens";
    if (request.json[other] !== undefined) set(other, null);
  }
  return changed ? replaceTopLevelFields(request.body, [...request.fields], changes) : request.body;
}
