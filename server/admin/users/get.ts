import { findUser } from "../../../db/queries/find-user.ts";
import { AppError } from "../../core/error.ts";
import { makeUserView, userReference, userView } from "../../core/user-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireUserAccess } from "./user-access.ts";

export const getUser = makeProcedure("admin:keys")
  .meta({
    openapi: { method: "GET", path: "/users/{user_id}", operationId: "getUser", summary: "One user", tags: ["Users"] },
  })
  .input(userReference)
  .output(userView)
  .query(async ({ ctx, input }) => {
    requireUserAccess(ctx, false);
    const user = await findUser(ctx.database.sql, input.user_id);
    if (user === null) throw new AppError("not_found");
    return makeUserView(user, user.keyCount);
  });
