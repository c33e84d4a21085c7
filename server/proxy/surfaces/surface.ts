import type { IncomingMessage } from "node:http";
import type { Refusal } from "../../core/error.ts";
import type { TokenUsage } from "../../core/usage.ts";
import type { UsageReading } from "../../core/usage-report.ts";
import type { CredentialSurface } from "../../keys/credential-header.ts";
import type { ResolvedModel } from "../../providers/model-table.ts";
import type { SseOverflow } from "../../providers/sse-events.ts";
import type { WireEndpoint } from "../../providers/types.ts";
import type { ProxyContext } from "../context.ts";
import type { ParsedInference } from "../parse.ts";
import type { ErrorShape } from "./error-shape.ts";

/**
 * One shape of the inference API: how its requests are read, its answers written and its errors told. Everything else
 * (keys, limits, money, journal, headers) is the pipeline's and the same for all.
 */
export interface Surface {
  /** Names the shape in events, metrics and logs. */
  readonly endpoint: string;
  /** What a provider must take for the client's own bytes to go there. */
  readonly wire: WireEndpoint;
  readonly credential: CredentialSurface;
  readonly errors: ErrorShape;
  /** Whether `multipart/form-data` is taken beside JSON. */
  readonly takesForms: boolean;
  /** Whether answers may be something else than JSON and events: sound, plain text. */
  readonly passesMedia: boolean;
  /** Takes a body apart; a refusal (400) names the field. */
  parse(
    proxy: ProxyContext,
    body: Buffer,
    request: IncomingMessage,
  ): ParsedInference | Refusal | Promise<ParsedInference | Refusal>;
  /**
   * The model with the providers that can serve this request. May give `parsed` its translation, for those that do not take
   * the wire as it is. Refuses where none can.
   */
  prepare(parsed: ParsedInference, model: ResolvedModel): ResolvedModel | Refusal;
}

/** What a translated answer says beside the provider's words. */
export interface AnswerFacts extends CallIdentity {
  usage: TokenUsage;
  /** `null`: unpriced. */
  costNanoUsd: bigint | null;
}

export interface CallIdentity {
  /** Of the event. */
  id: string;
  /** When it began, milliseconds since 1970. */
  atMs: number;
}

/** A request in a shape that providers know, mostly a chat completion, and the way back. */
export interface Translation {
  /** The same request in that shape. Streams always ask for the usage. */
  request: ParsedInference;
  endpoint: WireEndpoint;
  /** Holds for every provider; else only for those that do not take the wire itself. */
  always: boolean;
  /**
   * The answer in the surface's shape.
   *
   * @throws where the provider's cannot be understood.
   */
  makeAnswer(answer: Readonly<Record<string, unknown>>, facts: AnswerFacts): object;
  openStream(call: CallIdentity): StreamRenderer;
}

/** Writes a stream in a surface's shape, from the chunks of a chat completion. */
export interface StreamRenderer {
  /**
   * Events for one chunk, possibly none.
   *
   * @throws where it cannot be understood.
   */
  push(chunk: Readonly<Record<string, unknown>>): string;
  /** The last events of a stream that ended well. */
  end(facts: AnswerFacts): string;
}

/** Reads a stream on its way to the client: what to forward, what was used, how it ended. */
export interface StreamScan {
  readonly usage: UsageReading | null;
  /** Whether the stream's own end came. */
  readonly done: boolean;
  /** The provider's error in the stream; untrusted. */
  readonly errorText: string | null;
  readonly outputBytes: number;
  push(chunk: Buffer): Buffer | SseOverflow;
  end(): Buffer | SseOverflow;
}
