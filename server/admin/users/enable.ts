import { userReference, userView } from "../../core/user-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { changeUser } from "./change-user.ts";
import { requireUserAccess } from "./user-access.ts";

export const enableUser = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/users/{user_id}/enable",
      operationId: "enableUser",
      summary: "Enable a user who was disabled; the keys work again",
      tags: ["Users"],
    },
  })
  .input(userReference)
  .output(userView)
  .mutation(async ({ ctx, input }) => {
    requireUserAccess(ctx, true);
    const { view } = await changeUser(ctx, input.user_id, () => ({ disabledAt: null }));
    return view;
  });
