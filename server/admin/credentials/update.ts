import { findLockedCredential, listPinCounts, updateCredential } from "../../../db/queries/provider-credentials.ts";
import { credentialView, updateCredentialInput } from "../../core/credential-schema.ts";
import { AppError } from "../../core/error.ts";
import { Secret } from "../../core/secret.ts";
import { makeSealedCredential } from "../../keys/stored-credential.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireCredentialAccess } from "./credential-access.ts";
import { makeCredentialView } from "./credential-view.ts";

export const changeCredential = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "PATCH",
      path: "/credentials/{credential_name}",
      operationId: "updateCredential",
      summary: "Replace a stored credential, or change its description",
      description: "In force on every gateway within a second. What it held before is gone.",
      tags: ["Credentials"],
    },
  })
  .input(updateCredentialInput)
  .output(credentialView)
  .mutation(async ({ ctx, input }) => {
    requireCredentialAccess(ctx, true);
    const { credential_name: name, secret, description } = input;
    return await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedCredential(transaction, name);
      if (stored === null) throw new AppError("not_found");
      const sealed =
        secret === undefined
          ? null
          : makeSealedCredential(ctx.config.sealKeys, name, stored.version + 1, new Secret(secret));
      const kept = description === undefined ? stored.description : description;
      const changed = await updateCredential(transaction, name, kept, sealed);
      const pins = await listPinCounts(transaction);
      const after = makeCredentialView(changed, ctx.config, pins);
      await insertAudit(ctx, transaction, {
        objectType: "provider_credential",
        objectId: name,
        ownerId: null,
        before: makeCredentialView(stored, ctx.config, pins),
        after,
      });
      return after;
    });
  });
