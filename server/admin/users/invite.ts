import { createHash } from "node:crypto";
import { insertInvitation } from "../../../db/queries/user-invitations.ts";
import { invitationView, inviteUserInput } from "../../core/user-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { makeRandomText } from "./random-text.ts";
import { getFirstPlan, requirePlanName, requireUserAccess } from "./user-access.ts";

const invitationTtlMs = 7 * 86_400_000;

/** What is stored of the text of an invitation. */
export function makeInvitationDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export const inviteUser = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/users/invite",
      operationId: "inviteUser",
      summary: "Let somebody sign up with this e-mail, within a week",
      tags: ["Users"],
    },
    status: 201,
  })
  .input(inviteUserInput)
  .output(invitationView)
  .mutation(async ({ ctx, input }) => {
    requireUserAccess(ctx, true);
    const { email, role = "member", plan = getFirstPlan(ctx) } = input;
    requirePlanName(ctx, plan);
    const invitation = makeRandomText(ctx.randomBytes, 32);
    const digest = makeInvitationDigest(invitation);
    return await ctx.database.sql.begin(async (transaction) => {
      const expiresAt = await insertInvitation(transaction, digest, { email, role, plan }, invitationTtlMs);
      const view = { email, role, plan, expires_at: expiresAt.toISOString() };
      await insertAudit(ctx, transaction, {
        objectType: "invitation",
        objectId: email,
        ownerId: null,
        before: null,
        after: view,
      });
      return { ...view, invitation };
    });
  });
