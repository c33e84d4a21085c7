import type { CredentialSource } from "../core/credential-source.ts";
import type { Price } from "../core/price.ts";
import type { ProviderType } from "../core/provider-type.ts";
import type { Secret } from "../core/secret.ts";
import type { ProviderHealth } from "./provider-health.ts";

/**
 * The wire shapes that reach a provider. OpenAI's pass through byte for byte; `messages` and `count_tokens` are Anthropic's.
 * Which provider takes which as it is: `isNativeWire`.
 */
export type WireEndpoint =
  | "chat_completions"
  | "completions"
  | "embeddings"
  | "responses"
  | "messages"
  | "count_tokens"
  | "images_generations"
  | "images_edits"
  | "images_variations"
  | "audio_speech"
  | "audio_transcriptions"
  | "audio_translations"
  | "moderations"
  | "rerank";

/** All times in milliseconds. */
export interface ProviderTimeouts {
  connectMs: number;
  /** From the request sent to the first byte of the answer's body (or the whole answer's head). */
  firstByteMs: number;
  /** Longest silence between two pieces of the answer. */
  idleMs: number;
  /** The whole attempt. */
  totalMs: number;
}

/** How the built-in echo provider behaves. */
export interface EchoBehaviour {
  delayMs: number;
  /** 0 means as fast as it can. */
  tokensPerSecond: number;
  /** 0 means it answers. */
  failWithStatus: number;
}

/** How AWS is called. All three secrets `null`: the SDK's own chain of credentials. */
export interface AwsAccess {
  region: string;
  accessKeyId: Secret | null;
  secretAccessKey: Secret | null;
  sessionToken: Secret | null;
}

/** Where Google Vertex runs a model. */
export interface VertexPlace {
  projectId: string;
  /** Such as `us-east5` or `global`. */
  location: string;
}

/** Where credentials are looked for when a call is made. */
export interface LateCredentials {
  /** In this order; `null`: that of the target holds. */
  credential: readonly CredentialSource[] | null;
  aws: {
    accessKeyId: readonly CredentialSource[];
    secretAccessKey: readonly CredentialSource[];
    sessionToken: readonly CredentialSource[] | null;
  } | null;
}

/** One provider of one model, resolved from the config once at load. Immutable and shared by requests. */
export interface ProviderTarget {
  /** Name of the provider in the config, or its type for a shorthand. */
  providerName: string;
  type: ProviderType;
  /** The model's name as the provider knows it. */
  upstreamModel: string;
  /** Scheme, host, port: chosen by the operator, never by a client. `null` for echo. */
  origin: string | null;
  /** Path before the endpoint's own (`/v1`), without a trailing slash. */
  basePath: string;
  /** Behind the path, with its question mark: Azure's `api-version`. Mostly empty. */
  query: string;
  /** A token for a header; for Google Vertex the text of a service account's JSON, `null`: its application default credentials. */
  credential: Secret | null;
  /** `null`: `credential` and `aws` are what was read at the start, and hold as they are. */
  late: LateCredentials | null;
  /** `null` for all but `aws_bedrock`. */
  aws: AwsAccess | null;
  /** `null` for all but the `gcp_vertex_…` types. */
  vertex: VertexPlace | null;
  /** `null`: unpriced, which is not zero. */
  price: Price | null;
  /** The model's context window, when known. */
  contextTokensMax: number | null;
  /** The most output tokens this model can give, when known. */
  outputTokensMax: number | null;
  timeouts: ProviderTimeouts;
  /** Attempts after the first on this provider, before the first byte, on 429, 5xx, connect errors and timeouts. */
  retriesMax: number;
  /** Its share of the model's calls; `null`: its model has no weights. */
  weight: number | null;
  echo: EchoBehaviour | null;
  /** The credential is the caller's own or its key's: what the provider says of that account says nothing of others. */
  isOwnAccount: boolean;
  /** Shared by all calls to this provider; the one part of a target that changes. */
  health: ProviderHealth;
}

export interface UpstreamRequest {
  endpoint: WireEndpoint;
  /** Exact bytes to send. */
  body: Buffer;
  stream: boolean;
  /** The event's id; goes upstream as `x-client-request-id`. */
  requestId: string;
  /** The parsed body, for providers that answer themselves or translate it. */
  json: { readonly [field: string]: unknown };
  /** The few headers of a wire that its client sends to the provider, in lower case: `anthropic-version`, `anthropic-beta`. */
  headers: Readonly<Record<string, string>>;
  /** `null`: JSON. Else the client's own, with its boundary, for a multipart body of audio and images. */
  contentType: string | null;
}

export type UpstreamFailureKind =
  | "connect" // nothing was sent: no connection, TLS, DNS
  | "timeout_first_byte"
  | "timeout_idle"
  | "timeout_total"
  | "reset" // the connection broke after the request was sent
  | "protocol" // not HTTP, a content encoding that was not asked for, an answer over the size limit
  | "aborted" // we ended it
  | "cut" // we ended it, because its key was revoked together with its calls
  | "overloaded"; // it was not made: the provider fails, or has as many calls as it may have

export interface UpstreamFailure {
  kind: UpstreamFailureKind;
  /** For the log and the operator; may name the provider's host, never a credential. */
  message: string;
  /** When another try makes sense, where that is known. */
  retryAfterSeconds?: number;
}

/**
 * Receives one attempt's answer. Called in order: `onHead` once, `onData` any number of times, then exactly one of
 * `onEnd` and `onFailure`. `onFailure` alone may come without `onHead`. Nothing is called after `UpstreamCall.abort`.
 */
export interface UpstreamSink {
  /** `headers` are lower-case names; only what the relay's allow-list needs is read from them. */
  onHead(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void;
  /** Body bytes. The sink applies backpressure through `UpstreamCall.pause`. */
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(failure: UpstreamFailure): void;
}

export interface UpstreamCall {
  pause(): void;
  resume(): void;
  /** Ends the attempt and frees its connection. Idempotent. */
  abort(): void;
}

/** One way to reach models. Implementations hold connections; `close` ends them. */
export interface Provider {
  send(target: ProviderTarget, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall;
  close(): Promise<void>;
}
