import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createExpressMiddleware } from "@trpc/server/adapters/express";
import express, { type NextFunction, type Request, type Response } from "express";
import helmet from "helmet";
import type { ApiKey } from "../core/api-key.ts";
import { makeFindClientAddress } from "../core/client-address.ts";
import { AppError, errorTable, makeRefusal, type Refusal } from "../core/error.ts";
import type { QueueBoard } from "../platform/queue-board.ts";
import { makeAuthRouter } from "./auth/auth-router.ts";
import { SessionGate } from "./auth/session-gate.ts";
import type { AdminContext, Caller } from "./context.ts";
import { makeDocsRouter } from "./docs-page.ts";
import { makeLeakReportRoute } from "./keys/leak-report-route.ts";
import { makeOpenApiDocument } from "./openapi-document.ts";
import { makeQueuesPage } from "./queues-page.ts";
import { parseRefusal } from "./refusal.ts";
import { makeRefusalHeaders, makeRestHandler, respondRefusal } from "./rest-handler.ts";
import { appRouter } from "./router.ts";
import { makeStreamHandler } from "./stream-route.ts";
import { streamRoutes } from "./stream-routes.ts";
import { makeTrpcError } from "./trpc.ts";

const bodyBytesMax = 256 * 1024;
const batchMax = 20;

export interface AdminRouterDeps extends Omit<AdminContext, "caller" | "origin"> {
  /** Judges the credential of a request: format, digest, state, expiry, network. Never reads the body. */
  authenticate(req: Request): Promise<{ ok: true; key: ApiKey } | { ok: false; refusal: Refusal }>;
  /** Told of every call that is answered with a refusal. */
  noticeRefusal(req: IncomingMessage, refusal: Refusal): void;
  /** The pages under `/admin/queues`; none unless given. */
  queueBoard?: QueueBoard;
  /** The product's, for the OpenAPI document. */
  version: string;
  /** Whether the process is about to stop: streams end then. Never, where it is not given. */
  isDraining?: () => boolean;
}

/**
 * The admin surface: tRPC under `/trpc`, REST under `/admin`, signing in under `/api/auth`. Answers every path under these
 * itself; all others go on to the next router untouched.
 */
export function makeAdminRouter(deps: AdminRouterDeps): express.Router {
  const { authenticate, noticeRefusal, version, queueBoard, isDraining = () => false, ...context } = deps;
  const contexts = new WeakMap<Request, AdminContext>();
  const gate = new SessionGate(context);
  const findClientAddress = makeFindClientAddress(deps.config.gateway.trustedProxies);

  /** A key or a session, never both: whoever sends two cannot mean that one of them is overlooked. */
  async function loadCaller(req: Request, ip: string): Promise<Caller | Refusal> {
    const hasCookie = gate.hasCookie(req);
    if (hasCookie && req.headers.authorization !== undefined) return makeRefusal("conflicting_credentials");
    if (hasCookie) {
      const session = await gate.find(req);
      return "code" in session ? session : { kind: "user", user: session.user, sessionId: session.id, ip };
    }
    const answer = await authenticate(req);
    return answer.ok ? { kind: "key", key: answer.key, ip } : answer.refusal;
  }

  async function loadContext(req: Request, res: Response): Promise<AdminContext> {
    const ip = findClientAddress(req);
    const caller = await loadCaller(req, ip);
    if ("code" in caller) {
      const { code, message, ...more } = caller;
      throw new AppError(code, message, more);
    }
    return {
      ...context,
      caller,
      origin: { ip, requestId: String(res.getHeader("x-request-id") ?? "") },
    };
  }

  /** What failed before or beside a procedure; what failed in one is in the log already. */
  function logFault(refusal: Refusal, error: unknown, req: Request, res: Response): void {
    if (errorTable[refusal.code].status < 500) return;
    const requestId = res.getHeader("x-request-id");
    deps.logger.error({ err: error, path: req.baseUrl + req.path, requestId }, "an admin call failed");
  }

  function refuse(req: Request, res: Response, refusal: Refusal): void {
    noticeRefusal(req, refusal);
    respondRefusal(res, refusal);
  }

  const rest = express.Router({ caseSensitive: true, strict: true });
  rest.get("/openapi.json", (_req, res) => void res.json(makeOpenApiDocument(version, "")));
  rest.use("/docs", makeDocsRouter());
  rest.post("/api-keys/leaked", makeLeakReportRoute(context));
  // The credential is judged before a byte of the body is read.
  rest.use(async (req: Request, res: Response, next: NextFunction) => {
    contexts.set(req, await loadContext(req, res));
    next();
  });
  const findContext = (req: Request): AdminContext => {
    const found = contexts.get(req);
    if (found === undefined) throw new AppError("missing_api_key");
    return found;
  };
  const life = { findContext, loadContext, isDraining };
  for (const route of streamRoutes) rest.get(route.path, makeStreamHandler(route, life));
  if (queueBoard !== undefined) rest.use("/queues", makeQueuesPage(queueBoard, findContext));
  rest.use(makeRestHandler(findContext, refuse));
  rest.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) return next(error);
    const refusal = parseRefusal(error);
    logFault(refusal, error, req, res);
    refuse(req, res, refusal);
  });

  const trpc = createExpressMiddleware({
    router: appRouter,
    maxBodySize: bodyBytesMax,
    maxBatchSize: batchMax,
    createContext: async ({ req, res }) => {
      try {
        return await loadContext(req, res);
      } catch (error) {
        const refusal = parseRefusal(error);
        logFault(refusal, error, req, res);
        const { code, message, ...more } = refusal;
        throw makeTrpcError(new AppError(code, message, { ...more, cause: error }));
      }
    },
    onError: ({ error, req }) => noticeRefusal(req, parseRefusal(error)),
    responseMeta: ({ errors }) =>
      errors[0] === undefined ? {} : { headers: makeRefusalHeaders(parseRefusal(errors[0])) },
  });

  const router = express.Router({ caseSensitive: true, strict: true });
  const guards = [helmet(), setNoStore, setRequestId];
  router.use("/admin", guards, rest);
  router.use("/trpc", guards, trpc);
  router.use("/api/auth", guards, makeAuthRouter(context, gate));
  return router;
}

function setNoStore(_req: Request, res: Response, next: NextFunction): void {
  res.setHeader("cache-control", "no-store");
  next();
}

/** Ours, never the client's: it stands in the audit log. */
function setRequestId(_req: Request, res: Response, next: NextFunction): void {
  if (!res.hasHeader("x-request-id")) res.setHeader("x-request-id", randomUUID());
  next();
}
