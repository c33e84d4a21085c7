import { z } from "zod";
import { wireLine } from "../../core/wire-types.ts";

const text = z.string().max(2_000);
const password = z.string().max(128);

/**
 * What each call may send; better-auth checks the values. Anything else is dropped: it has fields for what is not in use
 * here (tokens of other providers, images of other hosts, addresses to go to).
 */
const bodies = {
  "/sign-up/email": z.object({ name: wireLine(200), email: text, password, rememberMe: z.boolean().optional() }),
  "/sign-in/email": z.object({ email: text, password, rememberMe: z.boolean().optional() }),
  "/sign-in/social": z.object({
    provider: z.literal("google"),
    callbackURL: text.optional(),
    errorCallbackURL: text.optional(),
    disableRedirect: z.boolean().optional(),
  }),
  // Every other session ends, whether or not the page asks for it.
  "/change-password": z
    .object({ currentPassword: password, newPassword: password })
    .transform((body) => ({ ...body, revokeOtherSessions: true })),
  "/update-user": z.object({ name: wireLine(200) }),
  // Where its link leads to is not the caller's to say.
  "/request-password-reset": z.object({ email: text }),
  "/reset-password": z.object({ token: text, newPassword: password }),
  "/revoke-session": z.object({ token: text }),
} as const;

/** The body as it goes on to better-auth. @throws z.ZodError */
export function parseAuthBody(path: string, body: unknown): object {
  return path in bodies ? bodies[path as keyof typeof bodies].parse(body) : {};
}
