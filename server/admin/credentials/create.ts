import { insertCredential, listPinCounts } from "../../../db/queries/provider-credentials.ts";
import { createCredentialInput, credentialView } from "../../core/credential-schema.ts";
import { AppError } from "../../core/error.ts";
import { Secret } from "../../core/secret.ts";
import { makeSealedCredential } from "../../keys/stored-credential.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { credentialsMax, requireCredentialAccess } from "./credential-access.ts";
import { makeCredentialView } from "./credential-view.ts";

export const createCredential = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/credentials",
      operationId: "createCredential",
      summary: "Store a credential of a provider, encrypted",
      description:
        "Usable as `vault::NAME` and as a pin of keys, on every gateway within a second. It is never shown again.",
      tags: ["Credentials"],
      refusals: [409],
    },
    status: 201,
  })
  .input(createCredentialInput)
  .output(credentialView)
  .mutation(async ({ ctx, input }) => {
    requireCredentialAccess(ctx, true);
    const { name, description = null } = input;
    const sealed = makeSealedCredential(ctx.config.sealKeys, name, 1, new Secret(input.secret));
    return await ctx.database.sql.begin(async (transaction) => {
      const draft = { ...sealed, description, createdBy: findCallerName(ctx.caller) };
      const stored = await insertCredential(transaction, draft, credentialsMax);
      if (stored === "taken") {
        throw new AppError("conflict", "There is a credential of this name; change it instead.", { param: "name" });
      }
      if (stored === "full") throw new AppError("conflict", `There are ${credentialsMax} credentials already.`);
      const after = makeCredentialView(stored, ctx.config, await listPinCounts(transaction));
      await insertAudit(ctx, transaction, {
        objectType: "provider_credential",
        objectId: name,
        ownerId: null,
        before: null,
        after,
      });
      return after;
    });
  });
