import { CallError, makeFailure, makeNetworkFailure } from "./api.ts";

/** What `/api/auth` offers to somebody who is not signed in. */
export interface AuthOptions {
  sign_up: "open" | "invite" | "closed";
  google: boolean;
  /** Whether a forgotten password can be reset by e-mail. */
  password_reset?: boolean;
  /** No user exists yet. */
  first_start?: boolean;
}

export interface BrowserSession {
  token: string;
  createdAt: string;
  updatedAt: string;
  expiresAt: string;
  ipAddress?: string | null;
  userAgent?: string | null;
}

/** Calls a route of this gateway with the session's cookie. @throws CallError */
export async function callGateway<Answer>(
  method: "GET" | "POST",
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      cache: "no-store",
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new CallError(makeNetworkFailure());
  }
  const parsed = parseJson(await response.text());
  if (response.ok) return parsed as Answer;
  // Signing in answers the error flat, everything else in `error`.
  const fields = typeof parsed === "object" && parsed !== null ? parsed : {};
  const error = "error" in fields && typeof fields.error === "object" ? (fields.error ?? {}) : fields;
  throw new CallError(makeFailure(error, response.status, `The gateway answered ${response.status}.`));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const auth = "/api/auth";

export const authCalls = {
  findOptions: () => callGateway<AuthOptions>("GET", `${auth}/options`),
  signIn: (email: string, password: string) =>
    callGateway("POST", `${auth}/sign-in/email`, { email, password, rememberMe: true }),
  signUp: (input: { name: string; email: string; password: string; invitation?: string }) =>
    callGateway("POST", `${auth}/sign-up/email`, input),
  signInWithGoogle: (callbackURL: string) =>
    callGateway<{ url?: string }>("POST", `${auth}/sign-in/social`, { provider: "google", callbackURL }),
  signOut: () => callGateway("POST", `${auth}/sign-out`),
  requestPasswordReset: (email: string) => callGateway("POST", `${auth}/request-password-reset`, { email }),
  resetPassword: (token: string, newPassword: string) =>
    callGateway("POST", `${auth}/reset-password`, { token, newPassword }),
  changePassword: (currentPassword: string, newPassword: string) =>
    callGateway("POST", `${auth}/change-password`, { currentPassword, newPassword }),
  listSessions: () => callGateway<BrowserSession[]>("GET", `${auth}/list-sessions`),
  findSession: () => callGateway<{ session: BrowserSession } | null>("GET", `${auth}/get-session`),
  endSession: (token: string) => callGateway("POST", `${auth}/revoke-session`, { token }),
  endOtherSessions: () => callGateway("POST", `${auth}/revoke-other-sessions`),
  updateName: (name: string) => callGateway("POST", `${auth}/update-user`, { name }),
  /** Makes the first admin with the key that the first start printed. */
  createFirstAdmin: (adminKey: string, user: { name: string; email: string; password: string }) =>
    callGateway("POST", "/admin/users", { ...user, role: "admin" }, { authorization: `Bearer ${adminKey}` }),
};
