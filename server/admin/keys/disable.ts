import { keyCommand } from "../../core/api-key-schema.ts";
import { apiKeyView } from "../../core/api-key-view.ts";
import { isOperator } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { findKeyView } from "./key-view.ts";
import { makeStateChange, requireVersion } from "./state-change.ts";
import { updateKey } from "./update-key.ts";

/** Takes power away, so the caller's own does not matter: a leaked key can be stopped by whoever may see it. */
export const disableKey = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "POST",
      path: "/api-keys/{public_id}/disable",
      operationId: "disableApiKey",
      summary: "Disable a key; it can be enabled again",
      tags: ["API keys"],
    },
  })
  .input(keyCommand)
  .output(apiKeyView)
  .mutation(async ({ ctx, input }) => {
    const key = await updateKey(ctx, input.public_id, (current, nowMs) => {
      requireVersion(current, input.if_match);
      return makeStateChange(current, "disabled", nowMs, isOperator(ctx.caller));
    });
    return findKeyView(ctx, key);
  });
