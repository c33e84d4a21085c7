import { callTRPCProcedure } from "@trpc/server";
import type { Request, RequestHandler, Response } from "express";
import { AppError, errorTable, type Refusal } from "../core/error.ts";
import type { AdminContext } from "./context.ts";
import { makeErrorBody, parseRefusal } from "./refusal.ts";
import { loadRestInput } from "./rest-input.ts";
import { makeRestMatcher, makeRestRoutes } from "./rest-route.ts";
import { appRouter } from "./router.ts";

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
 * The procedures as REST, under the paths that their metadata names. The body is read after the caller's permission was
 * judged: who lacks it learns nothing about the input.
 */
export function makeRestHandler(
  findContext: (req: Request) => AdminContext,
  refuse: (req: Request, res: Response, refusal: Refusal) => void,
): RequestHandler {
  const find = makeRestMatcher(makeRestRoutes(appRouter));
  return async (req, res) => {
    const found = find(req.method, req.path);
    if (found === null) throw new AppError("not_found");
    const { route, params } = found;
    try {
      const answer: unknown = await callTRPCProcedure({
        router: appRouter,
        path: route.name,
        type: route.type,
        ctx: findContext(req),
        getRawInput: () => loadRestInput(route, params, req, res),
        signal: undefined,
        batchIndex: 0,
      });
      setAnswerHeaders(res, answer);
      res.status(route.status);
      if (route.status === 204) res.end();
      else res.json(answer);
    } catch (error) {
      // A fault of ours is in the log already: every procedure's outermost layer tells it.
      refuse(req, res, parseRefusal(error));
    }
  };
}

function setAnswerHeaders(res: Response, answer: unknown): void {
  if (typeof answer !== "object" || answer === null) return;
  if ("version" in answer && typeof answer.version === "number") res.setHeader("etag", `"${answer.version}"`);
  if ("api_key" in answer && answer.api_key === null) res.setHeader("idempotent-replayed", "true");
}
