import { z } from "zod";
import { deleteCredential, findLockedCredential, listPinCounts } from "../../../db/queries/provider-credentials.ts";
import { credentialReference } from "../../core/credential-schema.ts";
import { AppError } from "../../core/error.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireCredentialAccess } from "./credential-access.ts";
import { makeCredentialView } from "./credential-view.ts";

export const deleteStoredCredential = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "DELETE",
      path: "/credentials/{credential_name}",
      operationId: "deleteCredential",
      summary: "Delete a stored credential",
      description:
        "Refused while the config file names it or a key that is not revoked pins it: their calls would fail.",
      tags: ["Credentials"],
      refusals: [409],
    },
    status: 204,
  })
  .input(credentialReference)
  .output(z.void())
  .mutation(async ({ ctx, input }) => {
    requireCredentialAccess(ctx, true);
    const { credential_name: name } = input;
    await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedCredential(transaction, name);
      if (stored === null) throw new AppError("not_found");
      const before = makeCredentialView(stored, ctx.config, await listPinCounts(transaction));
      const { config, pinned_keys: keys } = before.used_by;
      if (config.length > 0 || keys > 0) {
        const users = [...config, ...(keys > 0 ? [`${keys} ${keys === 1 ? "key" : "keys"} that pin it`] : [])];
        throw new AppError("conflict", `The credential ${name} is used by ${users.join(", ")}.`);
      }
      await deleteCredential(transaction, name);
      await insertAudit(ctx, transaction, {
        objectType: "provider_credential",
        objectId: name,
        ownerId: null,
        before,
        after: null,
      });
    });
  });
