import express, { type NextFunction, type Request, type Response } from "express";
import { deleteEndedSessions } from "../../../db/queries/delete-ended-sessions.ts";
import { findAnyApiKey } from "../../../db/queries/find-any-api-key.ts";
import { findAnyUser } from "../../../db/queries/find-any-user.ts";
import { settleInvitation } from "../../../db/queries/user-invitations.ts";
import { makeFindClientAddress } from "../../core/client-address.ts";
import { AppError, makeRefusal } from "../../core/error.ts";
import type { CallOrigin } from "../context.ts";
import { parseRefusal } from "../refusal.ts";
import { respondRefusal } from "../rest-handler.ts";
import { insertPasswordAudit, parseAnsweredUser } from "./account-audit.ts";
import { parseAuthBody } from "./auth-body.ts";
import { type AuthDeps, addressHeader, requestIdHeader } from "./auth-deps.ts";
import type { makeAuth } from "./better-auth.ts";
import { listOwnOrigins } from "./own-origin.ts";
import type { SessionGate } from "./session-gate.ts";
import { findSignUpInvitation } from "./sign-up-invitation.ts";

/** All of better-auth that is reachable; what else it can do has no use here, and is not there. */
const calls: ReadonlySet<string> = new Set([
  "POST /sign-up/email",
  "POST /sign-in/email",
  "POST /sign-in/social",
  "GET /callback/google",
  "POST /sign-out",
  "GET /get-session",
  "GET /list-sessions",
  "POST /revoke-session",
  "POST /revoke-sessions",
  "POST /revoke-other-sessions",
  "POST /change-password",
  "POST /request-password-reset",
  "POST /reset-password",
  "POST /update-user",
  "GET /options",
]);
/** Nobody is signed in yet, so a program without a browser's headers harms nobody. */
const beforeSession: ReadonlySet<string> = new Set([
  "/sign-up/email",
  "/sign-in/email",
  "/request-password-reset",
  "/reset-password",
]);
/** Work by mail. */
const byMail: ReadonlySet<string> = new Set(["/request-password-reset", "/reset-password"]);
const noMail = "This gateway sends no mail, so nobody sets a new password by mail. Ask an admin for one.";
const bodyBytesMax = 16 * 1024;
const endedRowsMax = 1_000;
/** Nothing else of a request concerns better-auth; least of all a header that says who the client is or which host. */
const passedHeaders = ["cookie", "origin", "user-agent"] as const;

type Auth = ReturnType<typeof makeAuth>;

/** `/api/auth`: signing up, in and out. Mounted there, with the path below it in `req.path`. */
export function makeAuthRouter(deps: AuthDeps, gate: SessionGate): express.Router {
  const findClientAddress = makeFindClientAddress(deps.config.gateway.trustedProxies);
  const made = new Map<number, Auth>();

  /**
   * The port is known once somebody has come in on it. The library comes with the first of them: half a second of the start,
   * and 20 MB that every full garbage collection would go through in a gateway that nobody signs in to.
   */
  async function loadAuth(port: number): Promise<{ auth: Auth; baseUrl: string }> {
    const origins = listOwnOrigins(deps.config, port);
    const auth = made.get(port) ?? (await import("./better-auth.ts")).makeAuth(deps, origins);
    made.set(port, auth);
    return { auth, baseUrl: origins[0] };
  }

  /** Whoever comes takes out what has ended; nobody waits for it. */
  function tidyUp(): void {
    deleteEndedSessions(deps.database.sql, endedRowsMax).catch((error: unknown) => {
      deps.logger.warn({ err: error }, "ended sessions could not be deleted");
    });
  }

  const router = express.Router({ caseSensitive: true, strict: true });
  router.use((req, _res, next) => {
    if (!calls.has(`${req.method} ${req.path}`)) throw new AppError("not_found");
    const isFirst = beforeSession.has(req.path) && isBare(req);
    const refusal = isFirst ? null : req.method === "GET" ? null : findForgery(gate, req);
    if (refusal !== null) throw new AppError(refusal.code, refusal.message);
    next();
  });
  router.get("/options", async (_req, res) => {
    const { signUp, google } = deps.config.auth;
    const isFirstStart = !(await findAnyUser(deps.database.sql));
    const byMailToo = deps.config.smtp !== null;
    res.json({ sign_up: signUp, google: google !== null, first_start: isFirstStart, password_reset: byMailToo });
  });
  router.use(express.json({ limit: bodyBytesMax, inflate: false }));
  router.use(async (req: Request, res: Response) => {
    if (byMail.has(req.path) && deps.config.smtp === null) throw new AppError("not_found", noMail);
    const { auth, baseUrl } = await loadAuth(req.socket.localPort ?? 0);
    const body = req.method === "GET" ? null : parseAuthBody(req.path, req.body ?? {});
    const invitation = req.path === "/sign-up/email" ? await findSignUpInvitation(deps, req.body) : null;
    const origin = { ip: findClientAddress(req), requestId: String(res.getHeader("x-request-id") ?? "") };
    const answer = await auth.handler(makeAuthRequest(req, baseUrl, origin, body));
    // It says no more than 500; where PostgreSQL is why, this throws what is answered with 503.
    if (answer.status === 500) await findAnyApiKey(deps.database.sql);
    if (answer.ok && invitation !== null) {
      await settleInvitation(deps.database.sql, invitation, await parseAnsweredUser(answer.clone()));
    }
    if (answer.ok && req.path === "/change-password") {
      await insertPasswordAudit(deps, await parseAnsweredUser(answer.clone()), origin);
    }
    if (answer.ok && beforeSession.has(req.path)) tidyUp();
    await send(res, answer);
  });
  router.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) return next(error);
    const refusal = parseBodyRefusal(error) ?? parseRefusal(error);
    if (refusal.code === "internal_error") deps.logger.error({ err: error, path: req.path }, "signing in failed");
    respondRefusal(res, refusal);
  });
  return router;
}

/** A request that no browser made. */
function isBare(req: Request): boolean {
  const { origin, cookie, referer } = req.headers;
  return origin === undefined && cookie === undefined && referer === undefined && !("sec-fetch-site" in req.headers);
}

/** Signing out needs no body, hence no type of one. */
function findForgery(gate: SessionGate, req: Request) {
  if (!gate.isOwnOrigin(req)) return makeRefusal("origin_not_allowed");
  const hasBody = req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;
  return hasBody || req.headers["content-type"] !== undefined ? gate.findForgery(req) : null;
}

function makeAuthRequest(req: Request, baseUrl: string, origin: CallOrigin, body: object | null): globalThis.Request {
  const headers = new Headers({ [addressHeader]: origin.ip, [requestIdHeader]: origin.requestId });
  for (const name of passedHeaders) {
    const value = req.headers[name];
    if (typeof value === "string") headers.set(name, value);
  }
  const query = req.url.indexOf("?");
  const url = `${baseUrl}/api/auth${req.path}${query === -1 ? "" : req.url.slice(query)}`;
  if (body === null) return new globalThis.Request(url, { headers });
  headers.set("content-type", "application/json");
  return new globalThis.Request(url, { method: "POST", headers, body: JSON.stringify(body) });
}

async function send(res: Response, answer: globalThis.Response): Promise<void> {
  res.status(answer.status);
  for (const [name, value] of answer.headers) {
    if (name === "x-retry-after") res.setHeader("retry-after", value);
    else if (name !== "set-cookie" && name !== "content-length") res.setHeader(name, value);
  }
  const cookies = answer.headers.getSetCookie();
  if (cookies.length > 0) res.setHeader("set-cookie", cookies);
  res.setHeader("cache-control", "no-store");
  res.end(Buffer.from(await answer.arrayBuffer()));
}

/** What Express's own body parser threw; `null` where it is something else. */
function parseBodyRefusal(error: unknown) {
  if (!(error instanceof Error) || !("type" in error) || !("status" in error)) return null;
  const codes = { 400: "invalid_request", 413: "body_too_large", 415: "unsupported_media_type" } as const;
  const code = codes[Number(error.status) as keyof typeof codes];
  return code === undefined ? null : makeRefusal(code);
}
