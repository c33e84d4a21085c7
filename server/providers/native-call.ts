import { AwsEventFrames, frameOverflow } from "./aws-event-frames.ts";
import { isJson } from "./chat-content.ts";
import { makeNativePost } from "./native-messages.ts";
import { findAnthropicType, makeAnthropicError, parseProviderError } from "./provider-error.ts";
import type { ProviderTarget, UpstreamCall, UpstreamFailure, UpstreamRequest, UpstreamSink } from "./types.ts";
import type { Upstream } from "./upstream.ts";
import { type Authorize, ExchangeError } from "./upstream-exchange.ts";

const json = { "content-type": "application/json" };
const eventStream = { "content-type": "text/event-stream; charset=utf-8" };
const frameBytesMax = 8 * 1024 * 1024;

type MakeEvent = (frame: Buffer) => Buffer;

interface HeldAnswer {
  status: number;
  headers: Parameters<UpstreamSink["onHead"]>[1];
  chunks: Buffer[];
}

/**
 * One call of Anthropic's Messages API, to Anthropic or to a cloud that has it: Anthropic's bytes come out, whatever frames
 * and errors the cloud wraps them in. Nothing reaches the sink before the constructor has returned, nor after `abort`.
 */
export class NativeCall implements UpstreamCall, UpstreamSink {
  readonly #target: ProviderTarget;
  readonly #request: UpstreamRequest;
  readonly #sink: UpstreamSink;
  readonly #onEnded: (call: NativeCall) => void;
  #call: UpstreamCall | null = null;
  #paused = false;
  #ended = false;
  #makeEvent: MakeEvent | null = null;
  #frames: AwsEventFrames | null = null;
  /** An answer that is changed as a whole. */
  #held: HeldAnswer | null = null;

  constructor(
    target: ProviderTarget,
    request: UpstreamRequest,
    sink: UpstreamSink,
    onEnded: (call: NativeCall) => void,
  ) {
    this.#target = target;
    this.#request = request;
    this.#sink = sink;
    this.#onEnded = onEnded;
  }

  /** Runs to the point where the request is sent; never rejects. */
  async run(upstream: Upstream, authorize: Authorize): Promise<void> {
    try {
      await Promise.resolve();
      const { path, headers, body } = makeNativePost(this.#target, this.#request);
      await authorize(this.#target, path, headers, body);
      if (this.#isBedrock && this.#request.stream) {
        this.#makeEvent = (await import("./bedrock-messages.ts")).makeBedrockEvent;
      }
      if (this.#ended) return;
      const { stream } = this.#request;
      this.#call = upstream.post(this.#target, { path, headers: [...headers].flat(), body, stream }, this);
      if (this.#paused) this.#call.pause();
    } catch (error) {
      this.fail(
        error instanceof ExchangeError
          ? error.failure
          : { kind: "connect", message: error instanceof Error ? error.message.slice(0, 200) : "" },
      );
    }
  }

  pause(): void {
    this.#paused = true;
    this.#call?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#call?.resume();
  }

  abort(): void {
    if (this.#ended) return;
    this.#end();
    this.#call?.abort();
  }

  /** Ends the call and tells the sink. */
  fail(failure: UpstreamFailure): void {
    if (this.#ended) return;
    this.abort();
    this.#sink.onFailure(failure);
  }

  onHead(status: number, headers: Parameters<UpstreamSink["onHead"]>[1]): void {
    if (this.#ended) return;
    const isChanged = status >= 300 || (this.#isBedrock && this.#request.endpoint === "count_tokens");
    if (isChanged) this.#held = { status, headers, chunks: [] };
    else if (this.#makeEvent !== null) {
      this.#frames = new AwsEventFrames(frameBytesMax);
      this.#sink.onHead(status, eventStream);
    } else this.#sink.onHead(status, headers);
  }

  onData(chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#held !== null) this.#held.chunks.push(chunk);
    else if (this.#frames === null || this.#makeEvent === null) this.#sink.onData(chunk);
    else {
      const frames = this.#frames.push(chunk);
      try {
        if (frames === frameOverflow) throw new Error("over the limit");
        const events = Buffer.concat(frames.map(this.#makeEvent));
        if (events.length > 0) this.#sink.onData(events);
      } catch {
        this.fail({ kind: "protocol", message: "the provider's event stream cannot be read" });
      }
    }
  }

  onEnd(): void {
    if (this.#ended) return;
    if (this.#frames !== null && !this.#frames.isBetween) {
      this.fail({ kind: "reset", message: "the stream ended inside of a message" });
      return;
    }
    this.#end();
    if (this.#held !== null) this.#answerHeld(this.#held);
    this.#sink.onEnd();
  }

  onFailure(failure: UpstreamFailure): void {
    if (this.#ended) return;
    this.#end();
    this.#sink.onFailure(failure);
  }

  get #isBedrock(): boolean {
    return this.#target.type === "aws_bedrock";
  }

  #answerHeld({ status, headers, chunks }: HeldAnswer): void {
    const body = Buffer.concat(chunks);
    if (status < 300) {
      this.#sink.onHead(status, json);
      this.#sink.onData(makeTokenCount(body));
      return;
    }
    const retryAfter = headers["retry-after"];
    this.#sink.onHead(status, typeof retryAfter === "string" ? { ...json, "retry-after": retryAfter } : json);
    const said = parseProviderError(body);
    const message = said.message === "" ? `The provider answered ${status}.` : said.message;
    const type = this.#target.type === "anthropic" ? said.type : null;
    this.#sink.onData(Buffer.from(JSON.stringify(makeAnthropicError(type ?? findAnthropicType(status), message))));
  }

  #end(): void {
    this.#ended = true;
    this.#onEnded(this);
  }
}

/** Bedrock's answer to CountTokens in Anthropic's words. */
function makeTokenCount(body: Buffer): Buffer {
  let count: unknown = null;
  try {
    const said: unknown = JSON.parse(body.toString("utf8"));
    if (isJson(said)) count = said.inputTokens;
  } catch {}
  return Buffer.from(JSON.stringify({ input_tokens: count }));
}
