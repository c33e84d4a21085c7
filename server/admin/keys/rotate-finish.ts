import { updateOldSecrets } from "../../../db/queries/update-old-secrets.ts";
import { keyCommand } from "../../core/api-key-schema.ts";
import { apiKeyView } from "../../core/api-key-view.ts";
import { makeProcedure } from "../trpc.ts";
import { findKeyView } from "./key-view.ts";
import { requireVersion } from "./state-change.ts";
import { updateKey } from "./update-key.ts";

/** Takes power away, like disabling: asks nothing of the caller's own. */
export const finishRotation = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "POST",
      path: "/api-keys/{public_id}/rotate/finish",
      operationId: "finishApiKeyRotation",
      summary: "End the overlap of a rotation now",
      description: "The old secret is refused from now on. Does nothing where no overlap runs.",
      tags: ["API keys"],
    },
  })
  .input(keyCommand)
  .output(apiKeyView)
  .mutation(async ({ ctx, input }) => {
    const key = await updateKey(
      ctx,
      input.public_id,
      (current) => {
        requireVersion(current, input.if_match);
        // The secrets are rows of their own; the key's version counts up, so that an earlier If-Match no longer holds.
        return {};
      },
      { claim: async (transaction) => (await updateOldSecrets(transaction, input.public_id)) > 0 },
    );
    return findKeyView(ctx, key);
  });
