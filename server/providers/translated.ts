import type { Clock } from "../platform/clock.ts";
import { isJson } from "./chat-content.ts";
import { NativeCall } from "./native-call.ts";
import { isNativeWire } from "./native-wires.ts";
import { makeOpenAiError } from "./provider-error.ts";
import { makeSdkChat } from "./sdk-chat.ts";
import { findSdkEmbedding } from "./sdk-embedding.ts";
import { TranslatedCall } from "./translated-call.ts";
import type { Provider, ProviderTarget, UpstreamCall, UpstreamRequest, UpstreamSink } from "./types.ts";
import type { Upstream } from "./upstream.ts";
import type { Authorizer } from "./upstream-authorizer.ts";
import { UpstreamExchange } from "./upstream-exchange.ts";

/**
 * Opens the provider for what is not OpenAI-shaped. Chats go through the AI SDK's packages, each loaded with its first call:
 * in and out are OpenAI's shapes, as with every other provider. Anthropic's Messages pass as they are, where the provider
 * has them. All calls go over the upstream's own connections, with its time-outs and limits.
 */
export function openTranslated(upstream: Upstream, authorizer: Authorizer, clock: Clock): Provider {
  const calls = new Set<TranslatedCall | NativeCall>();
  const forget = (call: TranslatedCall | NativeCall): void => {
    calls.delete(call);
  };
  return {
    send(target: ProviderTarget, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall {
      if (!isNativeWire(target.type, request.endpoint)) return refuseEndpoint(target.type, request.endpoint, sink);
      if (request.endpoint !== "chat_completions" && request.endpoint !== "embeddings") {
        const call = new NativeCall(target, request, sink, forget);
        calls.add(call);
        void call.run(upstream, authorizer.authorize);
        return call;
      }
      const identity = {
        requestId: request.requestId,
        model: target.upstreamModel,
        createdSeconds: Math.floor(clock.nowMs() / 1_000),
      };
      const exchange = new UpstreamExchange(upstream, target, request, authorizer.authorize);
      const call = new TranslatedCall(exchange, identity, sink, forget);
      calls.add(call);
      if (request.endpoint === "embeddings") {
        void call.runWhole(() => findSdkEmbedding(target, request.json, identity, exchange.fetch));
        return call;
      }
      const options = request.json.stream_options;
      const stream = request.stream ? { includeUsage: isJson(options) && options.include_usage === true } : null;
      void call.runChat(() => makeSdkChat(target, request, exchange.fetch), stream);
      return call;
    },
    async close() {
      for (const call of [...calls]) call.fail({ kind: "aborted", message: "the gateway is closing" });
    },
  };
}

/** Answers an endpoint that a provider has not. */
function refuseEndpoint(type: string, endpoint: string, sink: UpstreamSink): UpstreamCall {
  let ended = false;
  const message = `Providers of type ${type} have no ${endpoint}.`;
  setImmediate(() => {
    if (ended) return;
    sink.onHead(404, { "content-type": "application/json" });
    sink.onData(makeOpenAiError(404, { message }));
    sink.onEnd();
  });
  return { pause() {}, resume() {}, abort: () => void (ended = true) };
}
