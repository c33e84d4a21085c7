import type { IncomingMessage } from "node:http";
import { findSessionUser } from "../../../db/queries/find-session-user.ts";
import { updateSessionExpiry } from "../../../db/queries/update-session-expiry.ts";
import { makeRefusal, type Refusal } from "../../core/error.ts";
import type { User } from "../../core/user.ts";
import type { AuthDeps } from "./auth-deps.ts";
import { listOwnOrigins } from "./own-origin.ts";
import { getSessionCookieName, makeSessionKey, parseCookie, parseSessionToken } from "./session-cookie.ts";

/** A signed-in user, as the row says now. */
export interface Session {
  id: string;
  user: User;
}

const readMethods = new Set(["GET", "HEAD"]);
const ended = makeRefusal("missing_api_key", "The session has ended. Sign in again, or send an API key.");
const foreign = makeRefusal("origin_not_allowed", "A change by a session comes from a page of this gateway only.");
const notJson = makeRefusal("unsupported_media_type", "A change by a session is sent as application/json.");
/** A session's end is moved when it comes this much nearer, so that most calls write nothing. */
const idleStepShare = 0.02;

/** Judges requests that a browser sends by itself: with a cookie. */
export class SessionGate {
  readonly #deps: AuthDeps;
  readonly #key: string;
  readonly #cookieName: string;

  constructor(deps: AuthDeps) {
    this.#deps = deps;
    this.#key = makeSessionKey(deps.config.sessionSecret);
    this.#cookieName = getSessionCookieName(deps.config.auth.baseUrl?.startsWith("https://") ?? false);
  }

  /** True where the request carries a session, good or bad. */
  hasCookie(request: IncomingMessage): boolean {
    return parseCookie(request.headers.cookie, this.#cookieName) !== null;
  }

  /**
   * Finds the session of a request and moves its end. Nothing is remembered between two requests: what was ended, or taken
   * from its user, is gone at once.
   *
   * @returns a refusal where it is no session of ours, has ended, or where a change does not come from our own pages.
   */
  async find(request: IncomingMessage): Promise<Session | Refusal> {
    const forged = this.findForgery(request);
    if (forged !== null) return forged;
    const { sessionIdleMs: idleMs, sessionAbsoluteMs: absoluteMs } = this.#deps.config.auth;
    const cookie = parseCookie(request.headers.cookie, this.#cookieName);
    const token = cookie === null ? null : parseSessionToken(cookie, this.#key);
    if (token === null) return ended;
    const { sql } = this.#deps.database;
    const found = await findSessionUser(sql, token, absoluteMs);
    if (found === null) return ended;
    if (found.leftMs < idleMs * (1 - idleStepShare)) await updateSessionExpiry(sql, found.id, idleMs, absoluteMs);
    return { id: found.id, user: found.user };
  }

  /**
   * What keeps a change from being one that another site had the browser send: the origin must be our own, and a body must
   * be JSON, which a page of another origin cannot send without asking first. Neither can it send anything but a POST.
   */
  findForgery(request: IncomingMessage): Refusal | null {
    if (readMethods.has(request.method ?? "")) return null;
    if (!this.isOwnOrigin(request)) return foreign;
    const isBare = request.method !== "POST" && request.headers["content-type"] === undefined;
    return isBare || isJson(request) ? null : notJson;
  }

  isOwnOrigin(request: IncomingMessage): boolean {
    const { origin } = request.headers;
    return origin !== undefined && listOwnOrigins(this.#deps.config, request.socket.localPort ?? 0).includes(origin);
  }
}

function isJson(request: IncomingMessage): boolean {
  return request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase() === "application/json";
}
