import type { ServerResponse } from "node:http";
import type { Request, RequestHandler, Response } from "express";
import { createOpenApiExpressMiddleware } from "trpc-to-openapi";
import { AppError, errorTable, makeRefusal, type Refusal } from "../core/error.ts";
import type { AdminContext } from "./context.ts";
import { makeErrorBody, parseRefusal } from "./refusal.ts";
import { appRouter } from "./router.ts";
import { findProcedureMeta } from "./trpc.ts";

/** Answers in OpenAI's shape of errors. */
export function respondRefusal(res: Response, refusal: Refusal): void {
  for (const [name, value] of Object.entries(makeRefusalHeaders(refusal))) res.setHeader(name, value);
  res.status(errorTable[refusal.code].status).json({ error: makeErrorBody(refusal) });
}

/** Headers that go with a refusal. */
export function makeRefusalHeaders(refusal: Refusal): Record<string, string> {
  const headers: Record<string, string> = {};
  if (errorTable[refusal.code].status === 401) headers["www-authenticate"] = "Bearer";
  if (refusal.retryAfterSeconds !== undefined) headers["retry-after"] = String(refusal.retryAfterSeconds);
  return headers;
}

/**
 * The procedures as REST. The library matches paths in any case and with slashes to spare, and answers errors in a shape
 * of its own; both are mended here.
 */
export function makeRestHandler(findContext: (req: Request) => AdminContext): RequestHandler {
  const routes = listRoutes();
  const refusals = new WeakMap<Request, Refusal>();
  const handle = createOpenApiExpressMiddleware({
    router: appRouter,
    createContext: ({ req }) => findContext(req),
    onError: ({ error, req }) => void refusals.set(req, parseRefusal(error)),
    responseMeta: ({ paths, data, errors }) => {
      const error = errors[0];
      if (error !== undefined) {
        const refusal = parseRefusal(error);
        return { status: errorTable[refusal.code].status, headers: makeRefusalHeaders(refusal) };
      }
      const status = findProcedureMeta(appRouter, paths?.[0] ?? "")?.status ?? 200;
      return { status, headers: makeAnswerHeaders(data[0]) };
    },
  });
  return async (req, res) => {
    const known = routes.some(({ method, path }) => method === req.method && path.test(req.path));
    if (!known) throw new AppError("not_found");
    replaceErrorBody(res, () => refusals.get(req));
    await handle(req, res);
  };
}

/** The routes exactly as they are documented: case and slashes count. */
function listRoutes(): { method: string; path: RegExp }[] {
  return Object.keys(appRouter._def.procedures).flatMap((name) => {
    const openapi = findProcedureMeta(appRouter, name)?.openapi;
    if (openapi === undefined) return [];
    return [
      { method: openapi.method, path: new RegExp(`^${openapi.path.replace(/\{[a-z_]+\}/g, "[0-9A-Za-z]{1,64}")}$`) },
    ];
  });
}

/** The library ends the response with its own error object; a refusal takes its place. */
function replaceErrorBody(res: ServerResponse, findRefusal: () => Refusal | undefined): void {
  const end = res.end.bind(res);
  res.end = ((body?: string) => {
    const refusal = findRefusal();
    if (res.statusCode === 204) res.removeHeader("content-type");
    return end(refusal === undefined ? body : JSON.stringify({ error: makeErrorBody(refusal) }));
  }) as ServerResponse["end"];
}

function makeAnswerHeaders(answer: unknown): Record<string, string> {
  if (typeof answer !== "object" || answer === null) return {};
  const headers: Record<string, string> = {};
  if ("version" in answer && typeof answer.version === "number") headers.etag = `"${answer.version}"`;
  if ("api_key" in answer && answer.api_key === null) headers["idempotent-replayed"] = "true";
  return headers;
}

/** What Express's own body parser threw, as a refusal; `null` where it is something else. */
export function parseBodyRefusal(error: unknown): Refusal | null {
  if (!(error instanceof Error) || !("status" in error) || !("type" in error)) return null;
  switch (error.status) {
    case 413:
      return makeRefusal("body_too_large");
    case 415:
      return makeRefusal("unsupported_media_type");
    case 400:
      return makeRefusal("invalid_request", "The body is not valid JSON.");
    default:
      return null;
  }
}
