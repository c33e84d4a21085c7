import { z } from "zod";
import { findInvitation } from "../../../db/queries/user-invitations.ts";
import { AppError } from "../../core/error.ts";
import { makeInvitationDigest } from "../users/invite.ts";
import type { AuthDeps } from "./auth-deps.ts";

const invited = z.object({ email: z.string(), invitation: z.string().max(200).optional() });

/**
 * Looks at the invitation of a sign-up before it is tried.
 *
 * @returns its digest; `null` where none was sent and none is needed.
 * @throws AppError `permission_denied` where one is needed, or the one that was sent is not for this e-mail or has ended.
 */
export async function findSignUpInvitation(deps: AuthDeps, body: unknown): Promise<string | null> {
  const { email, invitation } = invited.parse(body);
  if (invitation === undefined) {
    if (deps.config.auth.signUp !== "invite") return null;
    throw new AppError("permission_denied", "Signing up needs an invitation.", { param: "invitation" });
  }
  const digest = makeInvitationDigest(invitation);
  const found = await findInvitation(deps.database.sql, digest);
  if (found !== null && found.email === email.toLowerCase()) return digest;
  throw new AppError("permission_denied", "The invitation is not for this e-mail, or has ended.", {
    param: "invitation",
  });
}
