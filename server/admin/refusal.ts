import { TRPCError } from "@trpc/server";
import { z } from "zod";
import { isStatementTimeout, isStoreUnavailable } from "../../db/queries/store-error.ts";
import { AppError, type ErrorCode, errorTable, makeRefusal, type Refusal } from "../core/error.ts";
import { type InputIssue, listInputIssues, makeValidationRefusal } from "../core/input-issues.ts";

/** OpenAI's `{"error": …}`; `issues` names every field at fault. A closed list: nothing else of an error leaves. */
export const errorAnswer = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable().describe("The field at fault, where there is one."),
    code: z.enum(Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]]),
    issues: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .readonly()
      .optional()
      .describe("Every field at fault."),
  }),
});
export type ErrorBody = z.infer<typeof errorAnswer>["error"];

/** Renders a refusal for the wire. */
export function makeErrorBody(refusal: Refusal): ErrorBody {
  const { code, message, param, issues } = refusal;
  const body: ErrorBody = { message, type: errorTable[code].type, param: param ?? null, code };
  return issues === undefined ? body : { ...body, issues };
}

/** A 422 that names every field at fault, the first one as `param`. */
export function makeValidationError(issues: readonly InputIssue[]): AppError {
  const { code, message, ...more } = makeValidationRefusal(issues);
  return new AppError(code, message, more);
}

/**
 * What to answer to anything that a procedure or its adapter threw. Nothing of an unexpected error leaves the process:
 * its message may hold what its author did not mean to tell.
 */
export function parseRefusal(error: unknown): Refusal {
  if (error instanceof AppError) return error.refusal;
  if (error instanceof z.ZodError) return makeValidationRefusal(listInputIssues(error));
  if (isStoreUnavailable(error)) return makeRefusal("store_unavailable", undefined, { retryAfterSeconds: 1 });
  if (isStatementTimeout(error)) {
    return makeRefusal("overloaded", "The question takes too long; ask for a shorter range.", { retryAfterSeconds: 1 });
  }
  if (error instanceof TRPCError) return parseTrpcError(error);
  return makeRefusal("internal_error");
}

function parseTrpcError(error: TRPCError): Refusal {
  const { cause } = error;
  switch (error.code) {
    case "INTERNAL_SERVER_ERROR":
      // An answer that fails its own schema is a bug of ours, not a fault of the input.
      return cause instanceof z.ZodError || cause === undefined ? makeRefusal("internal_error") : parseRefusal(cause);
    case "BAD_REQUEST":
      return cause instanceof z.ZodError || cause instanceof AppError
        ? parseRefusal(cause)
        : makeRefusal("invalid_request", error.message);
    case "PARSE_ERROR":
      return makeRefusal("invalid_request", "The request is not valid JSON.");
    case "NOT_FOUND":
    case "METHOD_NOT_SUPPORTED":
      return cause instanceof AppError ? cause.refusal : makeRefusal("not_found");
    case "PAYLOAD_TOO_LARGE":
      return makeRefusal("body_too_large");
    case "UNSUPPORTED_MEDIA_TYPE":
      return makeRefusal("unsupported_media_type");
    default:
      return cause === undefined ? makeRefusal("invalid_request", error.message) : parseRefusal(cause);
  }
}
