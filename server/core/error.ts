/** How an error code looks on the wire. `type` is OpenAI's word, `anthropicType` Anthropic's. */
interface ErrorRow {
  status: number;
  type: string;
  anthropicType: string;
  /** What the operator or client reads when the place that refused had nothing better to say. */
  message: string;
}

const invalid = { type: "invalid_request_error", anthropicType: "invalid_request_error" };
const unauthenticated = { status: 401, type: "authentication_error", anthropicType: "authentication_error" };
const forbidden = { status: 403, type: "permission_error", anthropicType: "permission_error" };
const missing = { status: 404, type: "not_found_error", anthropicType: "not_found_error" };
const limited = { status: 429, type: "rate_limit_error", anthropicType: "rate_limit_error" };
const server = { type: "server_error", anthropicType: "api_error" };

/** The one table of error codes; every surface renders it in its own shape. */
export const errorTable = {
  invalid_request: { status: 400, ...invalid, message: "The request is not valid." },
  conflicting_credentials: {
    status: 400,
    ...invalid,
    message: "The request carries two different credentials; send one.",
  },
  reserved_tag: { status: 400, ...invalid, message: "A tag name with a reserved prefix was sent." },
  model_unpriced: { status: 400, ...invalid, message: "The model has no price, and this key has a budget." },
  missing_api_key: { ...unauthenticated, message: "No API key was sent. Send it as `Authorization: Bearer KEY`." },
  invalid_api_key: { ...unauthenticated, message: "The API key is not valid." },
  expired_api_key: { ...unauthenticated, message: "The API key has expired." },
  disabled_api_key: { ...unauthenticated, message: "The API key is disabled." },
  revoked_api_key: { ...unauthenticated, message: "The API key was revoked." },
  model_not_allowed: { ...forbidden, message: "This key may not call the model." },
  permission_denied: { ...forbidden, message: "This key lacks the permission that the call needs." },
  ip_not_allowed: { ...forbidden, message: "This key may not be used from this network." },
  origin_not_allowed: { ...forbidden, message: "This key may not be used from this origin." },
  plan_limit_keys: { ...forbidden, message: "The plan's number of keys is reached." },
  model_not_found: { ...missing, message: "The model does not exist." },
  not_found: { ...missing, message: "Not found." },
  alias_taken: { status: 409, ...invalid, message: "Another live key of this owner has the alias." },
  conflict: { status: 409, ...invalid, message: "The object was changed in the meantime." },
  body_too_large: {
    status: 413,
    type: "invalid_request_error",
    anthropicType: "request_too_large",
    message: "The body is too large.",
  },
  unsupported_media_type: {
    status: 415,
    ...invalid,
    message: "Send the body as plain application/json, not compressed.",
  },
  validation_failed: { status: 422, ...invalid, message: "Some fields are not valid." },
  rate_limit_exceeded: { ...limited, message: "The rate limit is reached." },
  token_limit_exceeded: { ...limited, message: "The token limit is reached." },
  concurrency_limit_exceeded: { ...limited, message: "Too many requests of this key are running." },
  budget_exceeded: { ...limited, type: "insufficient_quota", message: "The budget does not cover this call." },
  internal_error: { status: 500, ...server, message: "Something went wrong in the gateway." },
  upstream_error: { status: 502, ...server, message: "The provider failed." },
  overloaded: {
    status: 503,
    type: "server_error",
    anthropicType: "overloaded_error",
    message: "The gateway is overloaded; retry soon.",
  },
  store_unavailable: {
    status: 503,
    ...server,
    message: "A store that the gateway needs is not reachable; retry soon.",
  },
  upstream_timeout: { status: 504, ...server, message: "The provider did not answer in time." },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** A refusal as a value: what to answer, without a stack. Refusals are expected; they are not thrown on the hot path. */
export interface Refusal {
  code: ErrorCode;
  /** Public text. Never holds a secret, another tenant's name, or an internal address. */
  message: string;
  /** The field or parameter at fault, where there is one. */
  param?: string | null;
  /** Seconds for `Retry-After`, rounded up. */
  retryAfterSeconds?: number;
  /** In place of the table's status, where that is configured. */
  status?: number;
  /** When a budget begins anew, RFC 3339. */
  resetsAt?: string;
  /** Every field at fault, for `validation_failed`. */
  issues?: readonly { path: string; message: string }[];
}

/** Makes a refusal with the table's own message unless a better one is given. */
export function makeRefusal(code: ErrorCode, message?: string, more?: Omit<Refusal, "code" | "message">): Refusal {
  return { code, message: message ?? errorTable[code].message, ...more };
}

/** The HTTP status of a refusal. */
export function findStatus(refusal: Refusal): number {
  return refusal.status ?? errorTable[refusal.code].status;
}

/** A refusal that travels as an exception (admin, workers, CLI). The hot path returns {@link Refusal} values instead. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly refusal: Refusal;

  constructor(code: ErrorCode, message?: string, more?: Omit<Refusal, "code" | "message"> & { cause?: unknown }) {
    const { cause, ...rest } = more ?? {};
    const refusal = makeRefusal(code, message, rest);
    super(refusal.message, cause === undefined ? undefined : { cause });
    this.refusal = refusal;
  }

  get code(): ErrorCode {
    return this.refusal.code;
  }

  get status(): number {
    return errorTable[this.refusal.code].status;
  }
}
