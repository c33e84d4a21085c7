import { errorTable } from "../../../core/error.ts";
import { formatSseEvent } from "../../../providers/sse-format.ts";
import type { ErrorShape } from "../error-shape.ts";

const ownTypes: ReadonlySet<string> = new Set(Object.values(errorTable).map((row) => row.anthropicType));

function findType(status: number): string {
  const row = Object.values(errorTable).find((each) => each.status === status);
  return row?.anthropicType ?? "invalid_request_error";
}

/** `{"type": "error", "error": {"type", "message"}, "request_id"}`. Source: Anthropic's API reference, errors. */
export const anthropicErrors: ErrorShape = {
  makeBody: ({ code, message }, requestId) => ({
    type: "error",
    error: { type: errorTable[code].anthropicType, message },
    request_id: requestId,
  }),
  makePassedBody: (status, { message, type }, requestId) => ({
    type: "error",
    error: { type: type !== null && ownTypes.has(type) ? type : findType(status), message },
    request_id: requestId,
  }),
  formatEvent: (body) => formatSseEvent("error", JSON.stringify(body)),
};
