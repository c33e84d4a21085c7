import type { IncomingMessage, ServerResponse } from "node:http";
import { findStatus, type Refusal } from "../core/error.ts";
import type { EventId } from "../core/id.ts";
import { formatMs } from "../core/milliseconds.ts";
import { formatUsd } from "../core/money.ts";
import type { AnswerBurst } from "./answer-burst.ts";
import type { ErrorShape } from "./surfaces/error-shape.ts";
import { openAiErrors } from "./surfaces/openai-errors.ts";

/** A request body up to this size is read away after an early refusal, so that the connection can go on. */
const drainedBytesMax = 65_536;
/** Of a larger one, as much as this is thrown away, for as long as this, before the connection is ended. */
const lingerBytesMax = 32 * 1024 * 1024;
const lingerMs = 2_000;

/** Above this, copying costs more than a second buffer in the write. */
const singleWriteBytesMax = 32_768;

/** Our own headers that a page may read. */
const exposedHeaders = [
  "x-request-id",
  "retry-after",
  "x-should-retry",
  ...["limit", "remaining", "reset"].flatMap((word) => [`x-ratelimit-${word}-requests`, `x-ratelimit-${word}-tokens`]),
  "ratelimit",
  "ratelimit-policy",
  "x-tollgate-budget-remaining-usd",
  "x-tollgate-budget-resets-at",
  "x-tollgate-cost-usd",
  "x-tollgate-max-output-tokens",
  "x-tollgate-overhead-ms",
].join(", ");

/**
 * Headers that every answer of the inference API carries, as a flat list.
 *
 * @param corsOrigin the origin whose pages may read the answer; `null`: it came from no page, or none that may.
 */
function makeBaseHeaders(requestId: EventId, corsOrigin: string | null): string[] {
  const headers = ["x-request-id", requestId, "cache-control", "no-store"];
  if (corsOrigin !== null) {
    headers.push("access-control-allow-origin", corsOrigin, "access-control-expose-headers", exposedHeaders);
    headers.push("vary", "origin");
  }
  return headers;
}

/**
 * Says without a body that something may go on.
 *
 * @param plain 200 instead of 204.
 */
export function respondAllowed(
  response: ServerResponse,
  requestId: EventId,
  plain: boolean,
  more: readonly string[],
): void {
  const headers = [...makeBaseHeaders(requestId, null), ...more];
  if (plain) headers.push("content-length", "0");
  response.writeHead(plain ? 200 : 204, headers);
  response.end();
}

/** Seconds for which a browser need not ask again. */
const preflightAgeSeconds = 600;

/** Allows the request that a browser asked for. */
export function respondPreflight(
  response: ServerResponse,
  requestId: EventId,
  allowed: { origin: string; methods: string; headers: readonly string[] },
): void {
  const headers = ["x-request-id", requestId, "cache-control", "no-store", "vary", "origin"];
  headers.push("access-control-allow-origin", allowed.origin, "access-control-allow-methods", allowed.methods);
  if (allowed.headers.length > 0) headers.push("access-control-allow-headers", allowed.headers.join(", "));
  headers.push("access-control-max-age", String(preflightAgeSeconds));
  response.writeHead(204, headers);
  response.end();
}

/** Writes a refusal in a surface's shape. Two refusals of the same code and message differ in nothing but the request id. */
export function respondRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: EventId,
  refusal: Refusal,
  corsOrigin: string | null = null,
  rateHeaders: readonly string[] = [],
  shape: ErrorShape = openAiErrors,
): void {
  if (response.headersSent || response.destroyed) return;
  const status = findStatus(refusal);
  const body = Buffer.from(JSON.stringify(shape.makeBody(refusal, requestId)));
  const headers = makeBaseHeaders(requestId, corsOrigin);
  headers.push("content-type", "application/json", "content-length", String(body.length), ...rateHeaders);
  if (status === 401) headers.push("www-authenticate", "Bearer");
  if (refusal.retryAfterSeconds !== undefined)
    headers.push("retry-after", String(Math.ceil(refusal.retryAfterSeconds)));
  if (refusal.resetsAt !== undefined) headers.push("x-tollgate-budget-resets-at", refusal.resetsAt);
  // An SDK that tries again would be refused again, for as long as the period lasts.
  if (refusal.code === "budget_exceeded" && refusal.retryAfterSeconds === undefined)
    headers.push("x-should-retry", "false");
  const announced = request.headers["content-length"];
  const isSending =
    !request.complete &&
    (announced === undefined
      ? request.headers["transfer-encoding"] !== undefined
      : Number(announced) > drainedBytesMax);
  if (isSending) headers.push("connection", "close");
  response.writeHead(status, headers);
  if (isSending) endLate(request, response, body);
  else response.end(body);
}

/**
 * Ends an answer whose client still sends a large or endless body. A connection that is closed with unread bytes is
 * reset, and a reset throws away the answer that the client has not read yet: so the whole answer goes out at once, and
 * the end only when the client is done or has been listened to for long enough.
 */
function endLate(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  let bytes = 0;
  const end = (): void => {
    clearTimeout(timer);
    request.off("data", discard);
    response.end();
  };
  const discard = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > lingerBytesMax) end();
  };
  const timer = setTimeout(end, lingerMs);
  response.write(body);
  response.once("close", () => clearTimeout(timer));
  request.on("data", discard).once("end", end);
  request.resume();
}

/** Writes a small answer of our own. */
export function respondJson(
  response: ServerResponse,
  requestId: EventId,
  value: unknown,
  corsOrigin: string | null = null,
): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(200, [
    ...makeBaseHeaders(requestId, corsOrigin),
    "content-type",
    "application/json",
    "content-length",
    String(body.length),
  ]);
  response.end(body);
}

/** What is told about a call beside its answer. */
export interface CallFacts {
  requestId: EventId;
  corsOrigin: string | null;
  rateHeaders: readonly string[];
  overheadMs: number;
  /** `null`: unpriced, or not known yet. */
  costNanoUsd: bigint | null;
  /** Of the tightest budget, after this call; `null` where none holds for it. */
  budgetRemainingNanoUsd: bigint | null;
  /** The cap that the gateway itself set. */
  outputTokensMax: number | null;
  /** From the provider, on an answer that says to come back later. */
  retryAfter: string | null;
}

function makeCallHeaders(facts: CallFacts, contentType: string): string[] {
  const headers = makeBaseHeaders(facts.requestId, facts.corsOrigin);
  headers.push("content-type", contentType, "x-tollgate-overhead-ms", formatMs(facts.overheadMs));
  if (facts.costNanoUsd !== null) headers.push("x-tollgate-cost-usd", formatUsd(facts.costNanoUsd));
  if (facts.budgetRemainingNanoUsd !== null)
    headers.push("x-tollgate-budget-remaining-usd", formatUsd(facts.budgetRemainingNanoUsd));
  if (facts.outputTokensMax !== null) headers.push("x-tollgate-max-output-tokens", String(facts.outputTokensMax));
  for (const text of facts.rateHeaders) headers.push(text);
  if (facts.retryAfter !== null) headers.push("retry-after", facts.retryAfter);
  return headers;
}

/** Writes a whole answer: the provider's bytes under our own headers. It leaves at the end of the event loop's turn. */
export function respondAnswer(
  burst: AnswerBurst,
  response: ServerResponse,
  status: number,
  contentType: string,
  body: Buffer,
  facts: CallFacts,
): void {
  const headers = makeCallHeaders(facts, contentType);
  headers.push("content-length", String(body.length));
  response.writeHead(status, headers);
  // Head and body of one string go out in one write; as latin1 the bytes stay what they are.
  burst.end(response, body.length <= singleWriteBytesMax ? body.toString("latin1") : body);
}

export const eventStreamType = "text/event-stream; charset=utf-8";

/** Sets the head of a stream; it leaves with the first write. The cost follows in a trailer, because it is known only at the end. */
export function respondStreamHead(
  response: ServerResponse,
  status: number,
  contentType: string,
  facts: CallFacts,
): void {
  const headers = makeCallHeaders(facts, contentType);
  headers.push("x-accel-buffering", "no", "trailer", "x-tollgate-cost-usd");
  response.writeHead(status, headers);
}
