import { randomBytes } from "node:crypto";
import { APIError, createAuthMiddleware } from "better-auth/api";
import { betterAuth } from "better-auth/minimal";
import { addAuthAudit, makeAuthAdapter } from "../../../db/auth-adapter.ts";
import { deleteUserSessions } from "../../../db/queries/update-user.ts";
import { makeRandomText } from "../users/random-text.ts";
import { type AuthDeps, addressHeader, requestIdHeader } from "./auth-deps.ts";
import { makePasswordReset } from "./password-reset.ts";
import { getCookiePrefix, makeSessionKey } from "./session-cookie.ts";

/**
 * Makes better-auth as this product uses it: e-mail and password, Google where it is configured; sessions in PostgreSQL,
 * whose end we move ourselves (see `session-gate.ts`); no telemetry, no request to anybody but Google.
 *
 * @param origins this gateway's own; the first is where links lead to.
 */
export function makeAuth(
  deps: AuthDeps,
  origins: readonly [string, ...string[]],
): { handler(request: globalThis.Request): Promise<Response> } {
  const { config, clock, database, logger } = deps;
  const { auth } = config;
  const [baseURL] = origins;
  const isSecure = baseURL.startsWith("https://");
  const attempts = { window: 60, max: auth.attemptsPerMinuteMax };
  const later = (ms: number): Date => new Date(clock.nowMs() + ms);
  return betterAuth({
    appName: "Tollgate",
    baseURL,
    basePath: "/api/auth",
    trustedOrigins: [...origins],
    secret: makeSessionKey(config.sessionSecret),
    telemetry: { enabled: false },
    database: makeAuthAdapter(database),
    emailAndPassword: {
      enabled: true,
      disableSignUp: auth.signUp === "closed",
      ...makePasswordReset(deps, baseURL),
    },
    // Whoever reads the database learns of no link that still works.
    verification: { storeIdentifier: { default: "plain", overrides: { "reset-password": "hashed" } } },
    socialProviders:
      auth.google === null
        ? {}
        : {
            google: {
              clientId: auth.google.clientId,
              clientSecret: auth.google.clientSecret.reveal(),
              disableSignUp: auth.signUp !== "open",
            },
          },
    user: {
      additionalFields: {
        role: { type: "string", input: false },
        plan: { type: "string", input: false },
        disabledAt: { type: "date", input: false, required: false, returned: false },
      },
    },
    session: {
      // Of the cookie. The row says when the session ends, mostly long before.
      expiresIn: Math.ceil(auth.sessionAbsoluteMs / 1_000),
      disableSessionRefresh: true,
      freshAge: 0,
      cookieCache: { enabled: false },
    },
    rateLimit: {
      enabled: true,
      storage: "memory",
      window: 60,
      max: 600,
      customRules: {
        "/sign-in/email": attempts,
        "/sign-in/social": attempts,
        "/sign-up/email": attempts,
        "/change-password": attempts,
        "/request-password-reset": attempts,
        "/reset-password": attempts,
      },
    },
    advanced: {
      useSecureCookies: false,
      cookiePrefix: getCookiePrefix(isSecure),
      defaultCookieAttributes: { secure: isSecure, httpOnly: true, sameSite: "lax", path: "/" },
      // Else both are off where NODE_ENV is "test".
      disableOriginCheck: false,
      disableCSRFCheck: false,
      ipAddress: { ipAddressHeaders: [addressHeader] },
    },
    databaseHooks: {
      user: {
        create: {
          before: (user, context) => {
            const id = makeRandomText(randomBytes, 32);
            const [firstPlan = ""] = config.plans.keys();
            const after = { id, email: user.email, name: user.name, role: "member", plan: firstPlan };
            addAuthAudit({
              actor: `user:${id}`,
              action: "users.signUp",
              objectType: "user",
              objectId: id,
              ownerId: id,
              before: null,
              after,
              ip: context?.headers?.get(addressHeader) ?? "",
              requestId: context?.headers?.get(requestIdHeader) ?? "",
            });
            return Promise.resolve({ data: { ...user, ...after, disabledAt: null } });
          },
        },
      },
      session: {
        create: {
          before: (session) => {
            const expiresAt = later(Math.min(auth.sessionIdleMs, auth.sessionAbsoluteMs));
            return Promise.resolve({ data: { ...session, createdAt: later(0), updatedAt: later(0), expiresAt } });
          },
        },
      },
    },
    hooks: {
      after: createAuthMiddleware(async ({ context }) => {
        const made = context.newSession;
        if (made === null || made.user.disabledAt == null) return;
        // Not before the password was right: nobody else learns that somebody is disabled.
        await deleteUserSessions(database.sql, made.user.id);
        throw new APIError("FORBIDDEN", { code: "USER_DISABLED", message: "This user is disabled." });
      }),
    },
    onAPIError: { errorURL: "/" },
    logger: {
      level: "error",
      // Nothing but the sentence: what comes with it can hold the parameters of a statement.
      log: (_level, message) => logger.warn({ auth: message.slice(0, 200) }, "better-auth"),
    },
  });
}
