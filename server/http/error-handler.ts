import { randomUUID } from "node:crypto";
import type { NextFunction, Request, Response } from "express";
import { AppError, type ErrorCode, errorTable, makeRefusal, type Refusal } from "../core/error.ts";
import type { Logger } from "../platform/logger.ts";

/** Writes a refusal in OpenAI's shape, for the routes outside the inference API. */
export function sendRefusal(response: Response, refusal: Refusal): void {
  const { status, type } = errorTable[refusal.code];
  if (!response.hasHeader("x-request-id")) response.setHeader("x-request-id", randomUUID());
  if (status === 401) response.setHeader("www-authenticate", "Bearer");
  if (refusal.retryAfterSeconds !== undefined) {
    response.setHeader("retry-after", String(Math.ceil(refusal.retryAfterSeconds)));
  }
  response.setHeader("cache-control", "no-store");
  const { message, code, param = null, issues } = refusal;
  response.status(status).json({ error: { message, type, param, code, ...(issues === undefined ? {} : { issues }) } });
}

/** The last of all routes: what nothing else answered does not exist. */
export function handleUnknownRoute(_request: Request, response: Response): void {
  sendRefusal(response, makeRefusal("not_found"));
}

/** What Express and its parsers throw says a status; only these mean that the client is at fault. */
const codesByStatus: Readonly<Record<number, ErrorCode>> = {
  400: "invalid_request",
  413: "body_too_large",
  415: "unsupported_media_type",
};

/** Answers what a handler threw: an {@link AppError} as it says, anything else as 500, logged and told to nobody. */
export function makeErrorHandler(logger: Logger) {
  // Express tells an error handler by its four parameters.
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const refusal = makeRefusalOf(error);
    const requestId = randomUUID();
    if (errorTable[refusal.code].status >= 500) {
      logger.error({ err: error, requestId, method: request.method, path: request.path }, "A request failed");
    }
    if (response.headersSent) {
      // Half an answer must not look like a whole one.
      response.destroy();
      return;
    }
    if (!response.hasHeader("x-request-id")) response.setHeader("x-request-id", requestId);
    sendRefusal(response, refusal);
  };
}

function makeRefusalOf(error: unknown): Refusal {
  if (error instanceof AppError) return error.refusal;
  const status = error instanceof Error && "status" in error ? Number(error.status) : 500;
  return makeRefusal(codesByStatus[status] ?? (error instanceof URIError ? "invalid_request" : "internal_error"));
}
