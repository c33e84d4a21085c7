import { userReference, userView } from "../../core/user-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { changeUser } from "./change-user.ts";
import { requireOtherUser, requireUserAccess } from "./user-access.ts";

export const disableUser = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/users/{user_id}/disable",
      operationId: "disableUser",
      summary: "Disable a user: every session ends, no key of the user is let in",
      tags: ["Users"],
      refusals: [409],
    },
  })
  .input(userReference)
  .output(userView)
  .mutation(async ({ ctx, input }) => {
    requireUserAccess(ctx, true);
    requireOtherUser(ctx, input.user_id);
    const { view } = await changeUser(ctx, input.user_id, (user) => ({
      disabledAt: user.disabledAt ?? new Date(ctx.clock.nowMs()),
    }));
    return view;
  });
