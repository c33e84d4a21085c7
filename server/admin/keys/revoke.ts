import { z } from "zod";
import { keyReference } from "../../core/api-key-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { makeStateChange } from "./state-change.ts";
import { updateKey } from "./update-key.ts";

/** Final; again does nothing. Like disabling, it takes power away and asks nothing of the caller's own. */
export const revokeKey = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "DELETE",
      path: "/api-keys/{public_id}",
      operationId: "revokeApiKey",
      summary: "Revoke a key for ever",
      tags: ["API keys"],
    },
    status: 204,
  })
  .input(keyReference)
  .output(z.void())
  .mutation(async ({ ctx, input }) => {
    await updateKey(ctx, input.public_id, (current, nowMs) => makeStateChange(current, "revoked", nowMs));
  });
