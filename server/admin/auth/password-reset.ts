import { insertAuditEntry } from "../../../db/queries/insert-audit-entry.ts";
import { openMailer } from "../../platform/mailer.ts";
import { type AuthDeps, addressHeader, requestIdHeader } from "./auth-deps.ts";

/** How long the link of a mail works, in minutes. It works once. */
const linkMinutes = 30;

/** What better-auth has of a user here. */
interface ResetUser {
  id: string;
  name: string;
  email: string;
}

/**
 * What better-auth needs to let people set a new password by a link in a mail; empty where there is no mail server, and then
 * it refuses. Every session of the user ends with the old password.
 *
 * @param baseUrl where the link leads to: this gateway as its config knows it, never as a request names it.
 */
export function makePasswordReset(deps: AuthDeps, baseUrl: string) {
  const { smtp } = deps.config;
  if (smtp === null) return {};
  const mailer = openMailer(smtp);
  return {
    resetPasswordTokenExpiresIn: linkMinutes * 60,
    revokeSessionsOnPasswordReset: true,
    /** Waits for no mail server: how long the answer takes would tell whether there is such a user. */
    sendResetPassword({ user, token }: { user: ResetUser; token: string }): Promise<void> {
      const text = makeMailText(user, `${baseUrl}/reset-password?token=${encodeURIComponent(token)}`);
      mailer
        .send({ to: [user.email], subject: "Set a new password for Tollgate", text })
        .catch((error: unknown) => deps.logger.error({ err: error, user: user.id }, "a mail was not sent"));
      return Promise.resolve();
    },
    async onPasswordReset({ user: { id } }: { user: ResetUser }, request?: Request): Promise<void> {
      const object = { objectType: "user", objectId: id, ownerId: id, before: null, after: { sessions: "ended" } };
      await insertAuditEntry(deps.database.sql, {
        actor: `user:${id}`,
        action: "users.resetPassword",
        ...object,
        ip: request?.headers.get(addressHeader) ?? "",
        requestId: request?.headers.get(requestIdHeader) ?? "",
      });
    },
  };
}

function makeMailText({ name }: ResetUser, link: string): string {
  return [
    `Hello ${name},`,
    "",
    "somebody asked for a new password for this address. If it was you, set one here:",
    "",
    link,
    "",
    `The link works once, for ${linkMinutes} minutes. If it was not you, do nothing: the password stays as it is.`,
    "",
  ].join("\n");
}
