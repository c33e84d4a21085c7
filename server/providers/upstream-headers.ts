import type { ProviderTarget, UpstreamRequest } from "./types.ts";

/**
 * All headers that an upstream ever sees beside `host`, `connection` and `content-length`, as undici's flat list. It is
 * built from nothing, so that no header of the client (gateway key, cookie, forwarded-*) can pass.
 */
export function makeUpstreamHeaders(target: ProviderTarget, request: UpstreamRequest): string[] {
  const headers = [
    "content-type",
    request.contentType ?? "application/json",
    "accept",
    request.stream ? "text/event-stream" : request.endpoint === "audio_speech" ? "*/*" : "application/json",
    "accept-encoding",
    "identity",
    "user-agent",
    "tollgate",
    "x-client-request-id",
    request.requestId,
  ];
  if (target.credential !== null) {
    // Azure takes tokens of its directory as bearer, and keys in a header of its own.
    if (target.type === "azure") headers.push("api-key", target.credential.reveal());
    else headers.push("authorization", `Bearer ${target.credential.reveal()}`);
  }
  return headers;
}

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

const headerCountMax = 128;

/** The only headers of an answer that anything looks at; no two of a length. */
const readHeaders = ["content-type", "content-length", "content-encoding", "transfer-encoding", "retry-after"] as const;
const readByLength: ReadonlyMap<number, string> = new Map(readHeaders.map((name) => [name.length, name] as const));
/** Makes a capital letter small, and leaves `-` as it is. */
const lowerCase = 0x20;

/**
 * Reads the headers that matter from undici's flat list; all others are not even decoded.
 *
 * @returns lower-case names, or why the answer must not be relayed: too many headers.
 */
export function parseAnswerHeaders(raw: readonly Buffer[]): AnswerHeaders | string {
  if (raw.length > headerCountMax * 2) return `the answer has more than ${headerCountMax} headers`;
  const headers: Record<string, string | string[]> = {};
  for (let index = 0; index < raw.length; index += 2) {
    const rawName = raw[index] as Buffer;
    const name = readByLength.get(rawName.length);
    if (name === undefined || !isNamed(rawName, name)) continue;
    const value = (raw[index + 1] as Buffer).toString("latin1");
    const known = headers[name];
    headers[name] = known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value];
  }
  return headers;
}

/** Whether the bytes are the name in any case, as the parser before us lets only characters of names through. */
function isNamed(raw: Buffer, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    if (((raw[index] as number) | lowerCase) !== name.charCodeAt(index)) return false;
  }
  return true;
}

/**
 * Says why an answer's head must not be relayed, or `null` where it may be: an encoding that was not asked for (a bomb
 * for whoever unpacks it), a body announced above `bodyBytesMax`.
 */
export function findHeadFault(headers: AnswerHeaders, bodyBytesMax: number): string | null {
  const contentEncoding = headers["content-encoding"];
  if (contentEncoding !== undefined && contentEncoding !== "" && !isWord(contentEncoding, "identity")) {
    return "the answer has a content-encoding that was not asked for";
  }
  const transferEncoding = headers["transfer-encoding"];
  if (transferEncoding !== undefined && !isWord(transferEncoding, "chunked")) {
    return "the answer has a transfer-encoding other than chunked";
  }
  const length = headers["content-length"];
  if (typeof length === "string" && Number(length) > bodyBytesMax) return `the answer is over ${bodyBytesMax} bytes`;
  return null;
}

function isWord(value: string | string[], word: string): boolean {
  return typeof value === "string" && (value === word || value.trim().toLowerCase() === word);
}
