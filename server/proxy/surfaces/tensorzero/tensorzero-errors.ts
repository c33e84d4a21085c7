import { type ErrorCode, errorTable } from "../../../core/error.ts";
import { formatSseError } from "../../../providers/sse-format.ts";
import type { ErrorShape } from "../error-shape.ts";

/** What TensorZero's clients look for in the text of a 401. An unknown and a malformed key read the same. */
const authentication: Partial<Record<ErrorCode, string>> = {
  missing_api_key: "Authorization header is required",
  invalid_api_key: "Provided API key does not exist in the database",
  expired_api_key: "API key expired",
  disabled_api_key: "API key was disabled",
  revoked_api_key: "API key was revoked",
};

/** `{"error": "…"}`. */
export const tensorZeroErrors: ErrorShape = {
  makeBody({ code, message }) {
    const reason = message === errorTable[code].message ? authentication[code] : undefined;
    return {
      error:
        reason === undefined ? message : `TensorZero authentication error: Error performing authentication: ${reason}`,
    };
  },
  makePassedBody: (_status, { message }) => ({ error: message }),
  formatEvent: formatSseError,
};
