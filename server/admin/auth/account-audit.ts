import { z } from "zod";
import { insertAuditEntry } from "../../../db/queries/insert-audit-entry.ts";
import type { CallOrigin } from "../context.ts";
import type { AuthDeps } from "./auth-deps.ts";

const answerWithUser = z.object({ user: z.object({ id: z.string() }) });

/** The user that an answer of better-auth names. */
export async function parseAnsweredUser(answer: Response): Promise<string> {
  return answerWithUser.parse(await answer.json()).user.id;
}

/** Writes that a user changed the own password, right after better-auth did; no secret is in the entry. */
export async function insertPasswordAudit(deps: AuthDeps, userId: string, origin: CallOrigin): Promise<void> {
  const object = { objectType: "user", objectId: userId, ownerId: userId, before: null, after: null };
  await insertAuditEntry(deps.database.sql, {
    actor: `user:${userId}`,
    action: "users.changePassword",
    ...object,
    ...origin,
  });
}
