import { z } from "zod";
import { sendKeyCut } from "../../../db/queries/key-notifications.ts";
import { revokeKeyInput } from "../../core/api-key-schema.ts";
import { isOperator } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { makeStateChange, requireVersion } from "./state-change.ts";
import { updateKey } from "./update-key.ts";

/** Final; again does nothing. Like disabling, it takes power away and asks nothing of the caller's own. */
export const revokeKey = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "DELETE",
      path: "/api-keys/{public_id}",
      operationId: "revokeApiKey",
      summary: "Revoke a key for ever",
      description:
        "Calls that are running go on to their end, unless cut_streams is true: then each is ended within five seconds, with an error of the code revoked_api_key, and charged for what was produced.",
      tags: ["API keys"],
    },
    status: 204,
  })
  .input(revokeKeyInput)
  .output(z.void())
  .mutation(async ({ ctx, input }) => {
    await updateKey(
      ctx,
      input.public_id,
      (current, nowMs) => {
        requireVersion(current, input.if_match);
        return makeStateChange(current, "revoked", nowMs, isOperator(ctx.caller));
      },
      // Also for a key that was revoked before, without its calls.
      input.cut_streams ? { complete: (transaction, key) => sendKeyCut(transaction, key.publicId) } : {},
    );
  });
