import { errorTable } from "../../core/error.ts";
import { formatSseError } from "../../providers/sse-format.ts";
import type { ErrorShape } from "./error-shape.ts";

/** `{"error": {"message", "type", "param", "code"}}`. Source: OpenAI's API reference, error codes. */
export const openAiErrors: ErrorShape = {
  makeBody({ code, message, param = null, issues }) {
    const error = { message, type: errorTable[code].type, param, code };
    return { error: issues === undefined ? error : { ...error, issues } };
  },
  makePassedBody(status, { message, type, param, code }) {
    const error = {
      message,
      type: type ?? (status === errorTable.rate_limit_exceeded.status ? "rate_limit_error" : "invalid_request_error"),
      param,
      code: code ?? (status === errorTable.rate_limit_exceeded.status ? "rate_limit_exceeded" : "upstream_error"),
    };
    return { error };
  },
  formatEvent: formatSseError,
};
