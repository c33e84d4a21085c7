import { updatePassword } from "../../../db/queries/insert-user.ts";
import { changedUserView, updateUserInput } from "../../core/user-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { changeUser, type UserChange } from "./change-user.ts";
import { makePasswordHash } from "./password-hash.ts";
import { requireOtherUser, requirePlanName, requireUserAccess } from "./user-access.ts";

export const updateOneUser = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "PATCH",
      path: "/users/{user_id}",
      operationId: "updateUser",
      summary: "Change name, role, plan or password",
      description:
        "In force on every gateway within a second. A new role or password ends the user's sessions. Keys beyond a smaller plan are disabled, those first that were not used for the longest time; the answer lists them.",
      tags: ["Users"],
      refusals: [409],
    },
  })
  .input(updateUserInput)
  .output(changedUserView)
  .mutation(async ({ ctx, input }) => {
    requireUserAccess(ctx, true);
    if (input.plan !== undefined) requirePlanName(ctx, input.plan);
    const hash = input.password === undefined ? null : await makePasswordHash(input.password);
    const { view, disabledKeys } = await changeUser(
      ctx,
      input.user_id,
      (user) => {
        if (input.role !== undefined && input.role !== user.role) requireOtherUser(ctx, user.id);
        const change: UserChange = {};
        if (input.name !== undefined) change.name = input.name;
        if (input.role !== undefined) change.role = input.role;
        if (input.plan !== undefined) change.plan = input.plan;
        return change;
      },
      async (transaction) => {
        if (hash !== null) await updatePassword(transaction, input.user_id, hash);
        return hash !== null;
      },
    );
    return {
      ...view,
      disabled_keys: disabledKeys.map(({ publicId, alias, lastUsedAt }) => ({
        public_id: publicId,
        alias,
        last_used_at: lastUsedAt?.toISOString() ?? null,
      })),
    };
  });
