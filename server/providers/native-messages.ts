import { findTopLevelFields, replaceTopLevelFields } from "../core/json-spans.ts";
import type { ProviderTarget, UpstreamRequest } from "./types.ts";

/** What one call of Anthropic's Messages API is at a provider. */
export interface NativePost {
  path: string;
  headers: Headers;
  body: Buffer;
}

const limits = { depthMax: 512, valuesMax: 20_000_000 };
const versionDefault = "2023-06-01";

/**
 * Makes the provider's own request of a Messages or count_tokens call. The body is the client's, but for the fields that
 * clouds have in the address instead. Of the client's headers, two are passed: `anthropic-version`, `anthropic-beta`.
 *
 * Sources: Anthropic, "Claude on Amazon Bedrock", "Claude on Vertex AI"; Bedrock, CountTokens; Vertex AI, count-tokens.
 */
export function makeNativePost(target: ProviderTarget, request: UpstreamRequest): NativePost {
  const { "anthropic-version": version, "anthropic-beta": beta } = request.headers;
  const headers = new Headers({
    "content-type": "application/json",
    accept: request.stream ? "text/event-stream" : "application/json",
    "accept-encoding": "identity",
    "user-agent": "tollgate",
    "x-client-request-id": request.requestId,
  });
  const model = encodeURIComponent(target.upstreamModel);
  const isCount = request.endpoint === "count_tokens";
  switch (target.type) {
    case "aws_bedrock": {
      headers.delete("accept");
      const betas = (beta ?? "").split(",").map((name) => name.trim());
      const body = replaceFields(request.body, {
        model: null,
        stream: null,
        anthropic_version: JSON.stringify("bedrock-2023-05-31"),
        ...(beta === undefined ? {} : { anthropic_beta: JSON.stringify(betas.filter((name) => name !== "")) }),
        // Claude on Bedrock wants one; what is counted is the input.
        ...(isCount && !("max_tokens" in request.json) ? { max_tokens: "1" } : {}),
      });
      const action = isCount ? "count-tokens" : request.stream ? "invoke-with-response-stream" : "invoke";
      const counted = Buffer.from(JSON.stringify({ input: { invokeModel: { body: body.toString("base64") } } }));
      return { path: `${target.basePath}/model/${model}/${action}`, headers, body: isCount ? counted : body };
    }
    case "gcp_vertex_anthropic": {
      if (beta !== undefined) headers.set("anthropic-beta", beta);
      const models = `${target.basePath}/publishers/anthropic/models`;
      if (isCount) return { path: `${models}/count-tokens:rawPredict`, headers, body: request.body };
      const body = replaceFields(request.body, { model: null, anthropic_version: JSON.stringify("vertex-2023-10-16") });
      return { path: `${models}/${model}:${request.stream ? "streamRawPredict" : "rawPredict"}`, headers, body };
    }
    default:
      headers.set("anthropic-version", version ?? versionDefault);
      if (beta !== undefined) headers.set("anthropic-beta", beta);
      return { path: `${target.basePath}/messages${isCount ? "/count_tokens" : ""}`, headers, body: request.body };
  }
}

function replaceFields(body: Buffer, changes: Readonly<Record<string, string | null>>): Buffer {
  const scan = findTopLevelFields(body, limits);
  // Bodies were read before they came here.
  return scan.ok ? replaceTopLevelFields(body, [...scan.fields], changes) : body;
}
