import { type HealthSettings, ProviderHealth } from "../../server/providers/provider-health.ts";
import type { ProviderTarget, UpstreamRequest, WireEndpoint } from "../../server/providers/types.ts";

/** A target at an origin, with time-outs that never matter unless a test sets them. */
export function makeTarget(origin: string | null, more: Partial<ProviderTarget> = {}): ProviderTarget {
  return {
    providerName: "scripted",
    type: origin === null ? "echo" : "openai_compatible",
    upstreamModel: "scripted-model",
    origin,
    basePath: "/v1",
    query: "",
    credential: null,
    late: null,
    aws: null,
    vertex: null,
    price: null,
    contextTokensMax: null,
    outputTokensMax: null,
    timeouts: { connectMs: 5_000, firstByteMs: 30_000, idleMs: 30_000, totalMs: 60_000 },
    retriesMax: 0,
    weight: null,
    echo: null,
    isOwnAccount: false,
    health: makeHealth(),
    ...more,
  };
}

/** Never refuses. */
export function makeHealth(settings: Partial<HealthSettings> = {}): ProviderHealth {
  const identity = { model: "scripted-model", provider: "scripted", type: "openai_compatible" };
  return new ProviderHealth(identity, { failures: 0, openMs: 1_000, concurrentRequestsMax: null, ...settings });
}

/** A request with the body given; `model` may carry a directive for the scripted upstream. */
export function makeRequest(
  json: { readonly [field: string]: unknown },
  endpoint: WireEndpoint = "chat_completions",
  requestId = "018f0000-0000-7000-8000-000000000001",
): UpstreamRequest {
  return {
    endpoint,
    body: Buffer.from(JSON.stringify(json)),
    stream: json.stream === true,
    requestId,
    json,
    headers: {},
    contentType: null,
  };
}

/** A chat request to the model. */
export function makeChat(model: string, more: { readonly [field: string]: unknown } = {}): UpstreamRequest {
  return makeRequest({ model, messages: [{ role: "user", content: "Say something." }], ...more });
}
