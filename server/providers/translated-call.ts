import type { LanguageModelV3, LanguageModelV3CallOptions, LanguageModelV3StreamPart } from "@ai-sdk/provider";
import type { ChatIdentity } from "./chat-answer.ts";
import { makeChatAnswer } from "./chat-answer.ts";
import { isJson, UntranslatableError } from "./chat-content.ts";
import { ChatFrames } from "./chat-frames.ts";
import { hideCloudAccount, makeOpenAiError, parseProviderError } from "./provider-error.ts";
import type { UpstreamCall, UpstreamFailure, UpstreamSink } from "./types.ts";
import { ExchangeError, type UpstreamExchange } from "./upstream-exchange.ts";

const json = { "content-type": "application/json" };
const eventStream = { "content-type": "text/event-stream; charset=utf-8" };

/** One chat, ready to be asked. */
export interface TranslatedChat {
  model: LanguageModelV3;
  options: LanguageModelV3CallOptions;
}

/** What providers call errors that come inside a stream, as the status that they would have had before it. */
const statuses: Readonly<Record<string, number>> = {
  overloaded_error: 503,
  rate_limit_error: 429,
  throttlingException: 429,
  invalid_request_error: 400,
  validationException: 400,
};

/**
 * Asks a provider through the AI SDK and plays its answer to a sink as an OpenAI-shaped upstream would: bytes of JSON, or
 * of server-sent events. An answer that is not whole is never made to look so. Nothing reaches the sink before the
 * constructor has returned, nor while it is paused (but its end), nor after `abort`.
 */
export class TranslatedCall implements UpstreamCall {
  readonly #sink: UpstreamSink;
  readonly #exchange: UpstreamExchange;
  readonly #identity: ChatIdentity;
  readonly #onEnded: (call: TranslatedCall) => void;
  #ended = false;
  #headSent = false;
  #paused = false;
  #wake: (() => void) | null = null;
  #pending = "";
  #flush: NodeJS.Immediate | null = null;

  constructor(
    exchange: UpstreamExchange,
    identity: ChatIdentity,
    sink: UpstreamSink,
    onEnded: (call: TranslatedCall) => void,
  ) {
    this.#exchange = exchange;
    this.#identity = identity;
    this.#sink = sink;
    this.#onEnded = onEnded;
  }

  /** Runs a chat to its end; never rejects. `stream`: `null` for a whole answer. */
  async runChat(make: () => Promise<TranslatedChat>, stream: { includeUsage: boolean } | null): Promise<void> {
    try {
      // The caller has no call object before `send` has returned.
      await Promise.resolve();
      const { model, options } = await make();
      if (this.#ended) return;
      if (stream === null) {
        const result = await model.doGenerate(options);
        this.#answer(200, json, Buffer.from(makeChatAnswer(result, this.#identity)));
      } else await this.#play((await model.doStream(options)).stream, stream.includeUsage);
    } catch (error) {
      this.#handleError(error);
    }
  }

  /** Asks for an answer that is JSON in any case; never rejects. */
  async runWhole(ask: () => Promise<string>): Promise<void> {
    try {
      await Promise.resolve();
      this.#answer(200, json, Buffer.from(await ask()));
    } catch (error) {
      this.#handleError(error);
    }
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#wake?.();
    this.#wake = null;
    this.#schedule();
  }

  abort(): void {
    if (this.#ended) return;
    this.#end();
    this.#exchange.abort();
  }

  /** Ends the call and tells the sink. */
  fail(failure: UpstreamFailure): void {
    if (this.#ended) return;
    this.#writeOut();
    if (this.#ended) return;
    this.#end();
    this.#exchange.abort();
    this.#sink.onFailure(failure);
  }

  async #play(parts: ReadableStream<LanguageModelV3StreamPart>, includeUsage: boolean): Promise<void> {
    const frames = new ChatFrames(this.#identity, includeUsage);
    const reader = parts.getReader();
    for (;;) {
      if (this.#paused) await this.#waitForReader();
      const { done, value } = await reader.read();
      if (this.#paused) await this.#waitForReader();
      if (this.#ended) {
        // Whatever comes of a stream that nobody reads any more.
        reader.cancel().catch(() => {});
        return;
      }
      if (done) break;
      if (value.type === "error") {
        this.#handleError(value.error);
        return;
      }
      this.#write(frames.push(value));
    }
    if (!frames.isComplete) {
      this.fail(this.#exchange.failure ?? { kind: "reset", message: "the stream ended before its end was announced" });
      return;
    }
    this.#write(frames.end());
    this.#writeOut();
    if (this.#ended) return;
    this.#end();
    this.#sink.onEnd();
  }

  #waitForReader(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Frames of one turn of the event loop go out together. */
  #write(text: string): void {
    if (text === "") return;
    this.#pending += text;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#pending === "" || this.#paused) return;
    this.#flush ??= setImmediate(() => {
      this.#flush = null;
      if (!this.#paused) this.#writeOut();
    });
  }

  #writeOut(): void {
    if (this.#flush !== null) clearImmediate(this.#flush);
    this.#flush = null;
    if (this.#pending === "" || this.#ended) return;
    const bytes = Buffer.from(this.#pending);
    this.#pending = "";
    if (!this.#headSent) {
      this.#headSent = true;
      this.#sink.onHead(200, eventStream);
    }
    this.#sink.onData(bytes);
  }

  #answer(status: number, headers: Parameters<UpstreamSink["onHead"]>[1], body: Buffer): void {
    if (this.#ended) return;
    this.#end();
    this.#sink.onHead(status, headers);
    this.#sink.onData(body);
    this.#sink.onEnd();
  }

  #handleError(error: unknown): void {
    if (this.#ended) return;
    const { refused, failure, answered } = this.#exchange;
    if (failure !== null) this.fail(failure);
    else if (error instanceof ExchangeError) this.fail(error.failure);
    else if (refused !== null) {
      const { "retry-after": retryAfter } = refused.headers;
      const headers = typeof retryAfter === "string" ? { ...json, "retry-after": retryAfter } : json;
      this.#answer(refused.status, headers, makeOpenAiError(refused.status, parseProviderError(refused.body)));
    } else if (error instanceof UntranslatableError) {
      this.#answer(400, json, makeOpenAiError(400, { message: error.message, param: error.param }));
    } else if (!answered) {
      // The SDK itself found that this provider has no place for something.
      const message = error instanceof Error ? hideCloudAccount(error.message) : "";
      this.#answer(400, json, makeOpenAiError(400, { message }));
    } else this.#handleStreamError(error);
  }

  /** An answer had begun, and then the provider said that it failed, or wrote something that cannot be read. */
  #handleStreamError(error: unknown): void {
    const said = parseStreamError(error);
    if (said === null) {
      this.fail({ kind: "protocol", message: "the provider's answer cannot be read" });
      return;
    }
    const status = statuses[said.type ?? ""] ?? 502;
    const body = makeOpenAiError(status, said);
    if (this.#headSent || this.#pending !== "") {
      this.#write(`data: ${body.toString()}\n\n`);
      this.fail({ kind: "reset", message: "the provider failed in the middle of its answer" });
    } else {
      this.#exchange.abort();
      this.#answer(status, json, body);
    }
  }

  #end(): void {
    this.#ended = true;
    if (this.#flush !== null) clearImmediate(this.#flush);
    this.#flush = null;
    this.#pending = "";
    this.resume();
    this.#onEnded(this);
  }
}

/** The provider's own words in an error that came inside a stream; `null`: it is the SDK's. */
function parseStreamError(error: unknown): { message: string; type: string | null } | null {
  // The SDK's errors of this kind carry what the provider wrote; with a status of success, it could not be read.
  const isRefused = isJson(error) && typeof error.statusCode === "number" && error.statusCode >= 400;
  const body = isRefused && typeof error.responseBody === "string" ? error.responseBody : null;
  if (body !== null) return parseProviderError(Buffer.from(body));
  if (error instanceof Error || !isJson(error)) return null;
  return parseProviderError(Buffer.from(JSON.stringify(error)));
}
