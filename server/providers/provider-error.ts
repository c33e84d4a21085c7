import { isJson, type Json } from "./chat-content.ts";

const messageLengthMax = 1_000;

/** Names of accounts, of which a client of the gateway should learn nothing, in the words of clouds. */
const accounts: readonly RegExp[] = [
  /\barn:aws[\w-]*:[^\s"',]+/g,
  /\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b/g,
  /\bAIza[\w-]{20,}/g,
  /\bya29\.[\w.-]+/g,
  /\bprojects?[/: ]+[a-z0-9][a-z0-9:.-]*/g,
  /\b[\w.-]+@[\w.-]+\.gserviceaccount\.com\b/g,
];

/** Takes accounts, keys and tokens of clouds out of a text that a provider wrote. */
export function hideCloudAccount(text: string): string {
  return accounts.reduce((rest, pattern) => rest.replace(pattern, "[removed]"), text).slice(0, messageLengthMax);
}

interface SaidError {
  message: string;
  type: string | null;
  code: string | null;
}

/**
 * Reads an error of Anthropic (`{"type":"error","error":{"type","message"}}`), Google (`{"error":{"code","message",
 * "status"}}`, or a list of that) or AWS (`{"message"}`, `{"Message"}`, `{"__type"}`).
 */
export function parseProviderError(body: Buffer): SaidError {
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch {
    return { message: "", type: null, code: null };
  }
  const whole = Array.isArray(json) ? json[0] : json;
  if (!isJson(whole)) return { message: "", type: null, code: null };
  const inner: Json = isJson(whole.error) ? whole.error : whole;
  const message = inner.message ?? inner.Message ?? (typeof whole.error === "string" ? whole.error : "");
  const text = (value: unknown): string | null => (typeof value === "string" ? hideCloudAccount(value) : null);
  return {
    message: text(message) ?? "",
    type: text(inner.type ?? inner.__type) ?? null,
    code: text(inner.status) ?? null,
  };
}

/** An error in OpenAI's shape. `param` names the client's field, where it is that. */
export function makeOpenAiError(
  status: number,
  said: { message: string; type?: string | null; code?: string | null; param?: string | null },
): Buffer {
  const type =
    status === 429 ? "rate_limit_error" : status >= 500 ? "server_error" : (said.type ?? "invalid_request_error");
  const message = said.message === "" ? `The provider answered ${status}.` : said.message;
  return Buffer.from(JSON.stringify({ error: { message, type, param: said.param ?? null, code: said.code ?? null } }));
}

const anthropicTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  529: "overloaded_error",
};

/** What Anthropic calls an error with this status. Source: Anthropic, "Errors". */
export function findAnthropicType(status: number): string {
  return anthropicTypes[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
}

/** An error in Anthropic's shape. */
export function makeAnthropicError(type: string, message: string): object {
  return { type: "error", error: { type, message } };
}
