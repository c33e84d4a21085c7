import { keyCommand } from "../../core/api-key-schema.ts";
import { apiKeyView } from "../../core/api-key-view.ts";
import { findExcessOfChange } from "../../core/delegation.ts";
import { isOperator } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { findKeyView } from "./key-view.ts";
import { makeStateChange, requireVersion } from "./state-change.ts";
import { requireNoExcess, updateKey } from "./update-key.ts";

export const enableKey = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "POST",
      path: "/api-keys/{public_id}/enable",
      operationId: "enableApiKey",
      summary: "Enable a key that was disabled",
      tags: ["API keys"],
    },
  })
  .input(keyCommand)
  .output(apiKeyView)
  .mutation(async ({ ctx, input }) => {
    const key = await updateKey(ctx, input.public_id, (current, nowMs) => {
      requireVersion(current, input.if_match);
      const change = makeStateChange(current, "active", nowMs, isOperator(ctx.caller));
      if (change !== null) requireNoExcess(ctx, (caller) => findExcessOfChange(caller, current, current, true));
      return change;
    });
    return findKeyView(ctx, key);
  });
