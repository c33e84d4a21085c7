import { z } from "zod";
import { findUser } from "../../../db/queries/find-user.ts";
import { listKeysToRevoke } from "../../../db/queries/list-keys-to-revoke.ts";
import { deleteUser, findLockedUser } from "../../../db/queries/update-user.ts";
import { makeApiKeyView } from "../../core/api-key-view.ts";
import { AppError } from "../../core/error.ts";
import { makeUserView, userReference } from "../../core/user-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOtherUser, requireUserAccess } from "./user-access.ts";

export const deleteOneUser = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "DELETE",
      path: "/users/{user_id}",
      operationId: "deleteUser",
      summary: "Delete a user and revoke all keys of the user",
      tags: ["Users"],
      refusals: [409],
    },
    status: 204,
  })
  .input(userReference)
  .output(z.void())
  .mutation(async ({ ctx, input }) => {
    requireUserAccess(ctx, true);
    requireOtherUser(ctx, input.user_id);
    await ctx.database.sql.begin(async (transaction) => {
      await findLockedUser(transaction, input.user_id);
      const user = await findUser(transaction, input.user_id);
      if (user === null) throw new AppError("not_found");
      const keys = await listKeysToRevoke(transaction, user.id);
      await deleteUser(transaction, user.id);
      const nowMs = ctx.clock.nowMs();
      for (const key of keys) {
        await insertAudit(ctx, transaction, {
          objectType: "api_key",
          objectId: key.publicId,
          ownerId: key.ownerId,
          before: makeApiKeyView(key, nowMs),
          after: makeApiKeyView({ ...key, state: "revoked", version: key.version + 1 }, nowMs),
        });
      }
      const before = makeUserView(user, user.keyCount);
      await insertAudit(ctx, transaction, {
        objectType: "user",
        objectId: user.id,
        ownerId: user.id,
        before,
        after: null,
      });
    });
  });
