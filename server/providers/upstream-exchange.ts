import assert from "node:assert/strict";
import { GuardedBody } from "./guarded-body.ts";
import { openStreamGuard } from "./stream-guard.ts";
import type { ProviderTarget, UpstreamCall, UpstreamFailure, UpstreamSink } from "./types.ts";
import type { Upstream } from "./upstream.ts";

/** An answer that is an error (or a redirect, which is never followed), whole. */
export interface RefusedAnswer {
  status: number;
  headers: Parameters<UpstreamSink["onHead"]>[1];
  body: Buffer;
}

/** Says why there is no answer, or none that goes on. */
export class ExchangeError extends Error {
  readonly failure: UpstreamFailure;

  constructor(failure: UpstreamFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Adds what a request is authorized with. It may take the place of headers that are there. */
export type Authorize = (target: ProviderTarget, path: string, headers: Headers, body: Buffer) => Promise<void>;

/** What an SDK sets for itself and a provider need not know, or that only we may say. */
const droppedHeaders = ["authorization", "x-api-key", "x-goog-api-key", "host", "connection", "content-length"];
/**
 * The HTTP side of one call that an SDK makes: `fetch` for it, over our own connections, with the target's time-outs and
 * size limits, and to the target's own origin only. One per call; an SDK that asks twice is refused.
 */
export class UpstreamExchange {
  /** Why the exchange broke, whatever the SDK made of it. */
  failure: UpstreamFailure | null = null;
  refused: RefusedAnswer | null = null;
  /** Whether the head of an answer that is no error has come. */
  answered = false;
  readonly #upstream: Upstream;
  readonly #target: ProviderTarget;
  readonly #request: { readonly requestId: string; readonly stream: boolean };
  readonly #authorize: Authorize;
  #call: UpstreamCall | null = null;
  #ended = false;
  #sent = false;
  #fail: (error: Error) => void = () => {};

  constructor(
    upstream: Upstream,
    target: ProviderTarget,
    request: { readonly requestId: string; readonly stream: boolean },
    authorize: Authorize,
  ) {
    this.#upstream = upstream;
    this.#target = target;
    this.#request = request;
    this.#authorize = authorize;
  }

  /** Ends the exchange; whoever waits for it gets an {@link ExchangeError}. Idempotent. */
  abort(message = "the call was ended by the gateway"): void {
    this.#call?.abort();
    this.#end({ kind: "aborted", message });
  }

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const target = this.#target;
    const url = new URL(input instanceof Request ? input.url : input);
    assert(url.origin === target.origin, "an SDK asks for another host than the config names");
    assert(init?.method === "POST" && typeof init.body === "string", "an SDK asks for something else than it should");
    assert(!this.#sent, "an SDK asks twice for one call");
    this.#sent = true;
    const body = Buffer.from(init.body);
    const headers = new Headers(init.headers);
    for (const name of droppedHeaders) headers.delete(name);
    headers.set("accept-encoding", "identity");
    headers.set("user-agent", "tollgate");
    headers.set("x-client-request-id", this.#request.requestId);
    const path = url.pathname + url.search;
    await this.#authorize(target, path, headers, body);
    if (this.#ended) throw new ExchangeError({ kind: "aborted", message: "the call was ended by the gateway" });
    return this.#post(path, [...headers].flat(), body);
  };

  #post(path: string, headers: string[], body: Buffer): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      const answer = new GuardedBody(
        () => this.#call?.resume(),
        () => this.abort(),
      );
      let refused: Omit<RefusedAnswer, "body"> | null = null;
      const refusedBody: Buffer[] = [];
      const sink: UpstreamSink = {
        onHead: (status, answerHeaders) => {
          // Whatever the SDK makes of it, the caller reads this.
          if (status >= 300) {
            refused = { status, headers: answerHeaders };
            return;
          }
          this.answered = true;
          this.#fail = (error) => answer.fail(error);
          const type = String(answerHeaders["content-type"] ?? "");
          answer.guard = openStreamGuard(type);
          resolve(new Response(answer.stream, { status, headers: { "content-type": type } }));
        },
        onData: (chunk) => {
          if (refused !== null) refusedBody.push(chunk);
          else if (!answer.push(chunk)) {
            this.#call?.abort();
            this.#end({ kind: "protocol", message: "an event of the stream is over the size limit" });
          } else if (answer.isFull) this.#call?.pause();
        },
        onEnd: () => {
          this.#ended = true;
          if (refused === null) answer.end();
          else {
            this.refused = { ...refused, body: Buffer.concat(refusedBody) };
            reject(new Error(`the provider answered ${refused.status}`));
          }
        },
        onFailure: (failure) => this.#end(failure),
      };
      const { stream } = this.#request;
      this.#call = this.#upstream.post(this.#target, { path, headers, body, stream }, sink);
    });
  }

  #end(failure: UpstreamFailure): void {
    if (this.#ended) return;
    this.#ended = true;
    this.failure = failure;
    this.#fail(new ExchangeError(failure));
  }
}
