import { makeRefusal, type Refusal } from "../core/error.ts";
import type { Secret } from "../core/secret.ts";
import type { UpstreamFailure } from "../providers/types.ts";
import type { AnswerHeaders } from "./attempt.ts";
import type { ErrorShape, ProviderError } from "./surfaces/error-shape.ts";
import { openAiErrors } from "./surfaces/openai-errors.ts";

/**
 * Statuses that speak of the client's own request, or of a provider that wants less of it, are passed on as they are. All
 * others speak of the gateway's dealings with the provider (its credential, its quota, its health) and become 502.
 */
const passedStatuses: ReadonlySet<number> = new Set([400, 404, 409, 413, 415, 422, 429]);

/** 3xx is none: a redirect is never followed, because it would name a host. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

export function isPassedOn(status: number): boolean {
  return isSuccess(status) || passedStatuses.has(status);
}

const providerMessageMax = 1_000;

/** Takes out what names the operator's account: the credential that was sent and pieces of it, whatever looks like one, ids. */
function hideAccount(text: string, credential: Secret | null): string {
  const sent = credential?.reveal() ?? "";
  return text
    .replace(/[\w.-]{8,}/g, (word) => (sent.includes(word) ? "[removed]" : word))
    .replace(/\b(?:(?:sk|pk|rk|key)[-_]|Bearer )[\w*.-]{6,}/gi, "[removed]")
    .replace(/\b(?:org|proj|user|acct)[-_][A-Za-z0-9]{6,}/g, "[removed]")
    .slice(0, providerMessageMax);
}

/** Reads a provider's error in any of the usual shapes. */
export function parseProviderError(body: Buffer, credential: Secret | null): ProviderError {
  const none: ProviderError = { message: "", type: null, param: null, code: null };
  try {
    const json = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
    const inner = (typeof json.error === "object" && json.error !== null ? json.error : json) as Record<
      string,
      unknown
    >;
    const message = typeof json.error === "string" ? json.error : inner.message;
    const text = (value: unknown): string | null =>
      typeof value === "string" || typeof value === "number" ? hideAccount(String(value), credential) : null;
    return { message: text(message) ?? "", type: text(inner.type), param: text(inner.param), code: text(inner.code) };
  } catch {
    return none;
  }
}

/** The body of an error that is the client's business: the provider's own words in the surface's shape, without its account. */
export function makePassedErrorBody(
  status: number,
  body: Buffer,
  credential: Secret | null,
  shape: ErrorShape = openAiErrors,
  requestId = "",
): Buffer {
  const error = parseProviderError(body, credential);
  if (error.message === "") error.message = `The provider answered ${status}.`;
  return Buffer.from(JSON.stringify(shape.makePassedBody(status, error, requestId)));
}

/** What the client reads when the provider answered with a status that is not its business. */
export function makeStatusRefusal(status: number, body: Buffer, credential: Secret | null): Refusal {
  const said = parseProviderError(body, credential).message;
  return makeRefusal("upstream_error", `The provider answered ${status}${said === "" ? "." : `: ${said}`}`);
}

/** What the client reads when no answer came. */
export function makeFailureRefusal(failure: UpstreamFailure): Refusal {
  switch (failure.kind) {
    case "timeout_first_byte":
    case "timeout_idle":
    case "timeout_total":
      return makeRefusal("upstream_timeout");
    case "connect":
      return makeRefusal("upstream_error", "The provider cannot be reached.");
    case "cut":
      return makeRefusal("revoked_api_key", "The API key was revoked while the call was running.");
    case "overloaded":
      return makeRefusal("overloaded", "The providers of this model take no more calls now; retry soon.", {
        retryAfterSeconds: failure.retryAfterSeconds ?? 1,
      });
    case "protocol":
      return makeRefusal("upstream_error", "The provider's answer cannot be used.");
    default:
      return makeRefusal("upstream_error", "The connection to the provider broke.");
  }
}

/** `Retry-After` of an answer, where it is a plain number of seconds or an HTTP date. */
export function findRetryAfter(status: number, headers: AnswerHeaders): string | null {
  const value = headers["retry-after"];
  if ((status !== 429 && status !== 503) || typeof value !== "string") return null;
  return /^[\w ,:.+-]{1,40}$/.test(value) ? value : null;
}
