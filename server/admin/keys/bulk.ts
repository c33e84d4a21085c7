import { z } from "zod";
import { sendKeyCut } from "../../../db/queries/key-notifications.ts";
import { keyStates } from "../../core/api-key.ts";
import { bulkKeysInput } from "../../core/api-key-schema.ts";
import { findEffectiveState } from "../../core/api-key-view.ts";
import { findExcessOfChange } from "../../core/delegation.ts";
import { isOperator } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { entryError, makeEntryError } from "./entry-error.ts";
import { makeStateChange } from "./state-change.ts";
import { requireNoExcess, updateKey } from "./update-key.ts";

const wantedStates = { disable: "disabled", enable: "active", revoke: "revoked" } as const;

const bulkResults = z.object({
  results: z.array(
    z.object({
      public_id: z.string(),
      ok: z.boolean(),
      state: z.enum(keyStates).nullable().describe("The key's state now; null where it was refused."),
      error: entryError.nullable(),
    }),
  ),
});

export const changeKeys = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "POST",
      path: "/api-keys/bulk",
      operationId: "changeApiKeys",
      summary: "Disable, enable or revoke many keys",
      description:
        "Each key is a transaction of its own and has its own result, in the order of the call; one that is refused does not hold up the others.",
      tags: ["API keys"],
    },
  })
  .input(bulkKeysInput)
  .output(bulkResults)
  .mutation(async ({ ctx, input }) => {
    const wanted = wantedStates[input.action];
    const results: z.infer<typeof bulkResults>["results"] = [];
    for (const publicId of new Set(input.public_ids)) {
      try {
        const key = await updateKey(
          ctx,
          publicId,
          (current, nowMs) => {
            const change = makeStateChange(current, wanted, nowMs, isOperator(ctx.caller));
            if (change !== null && wanted === "active") {
              requireNoExcess(ctx, (caller) => findExcessOfChange(caller, current, current, true));
            }
            return change;
          },
          input.cut_streams ? { complete: (transaction) => sendKeyCut(transaction, publicId) } : {},
        );
        results.push({
          public_id: publicId,
          ok: true,
          state: findEffectiveState(key, ctx.clock.nowMs()),
          error: null,
        });
      } catch (error) {
        results.push({ public_id: publicId, ok: false, state: null, error: makeEntryError(error) });
      }
    }
    return { results };
  });
