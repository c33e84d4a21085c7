import { findCredentialEntry, listPinCounts } from "../../../db/queries/provider-credentials.ts";
import { credentialReference, credentialView } from "../../core/credential-schema.ts";
import { AppError } from "../../core/error.ts";
import { makeProcedure } from "../trpc.ts";
import { requireCredentialAccess } from "./credential-access.ts";
import { makeCredentialView } from "./credential-view.ts";

export const getCredential = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/credentials/{credential_name}",
      operationId: "getCredential",
      summary: "Show one stored credential, without what it holds",
      tags: ["Credentials"],
    },
  })
  .input(credentialReference)
  .output(credentialView)
  .query(async ({ ctx, input }) => {
    requireCredentialAccess(ctx, false);
    const { sql } = ctx.database;
    const entry = await findCredentialEntry(sql, input.credential_name);
    if (entry === null) throw new AppError("not_found");
    return makeCredentialView(entry, ctx.config, await listPinCounts(sql));
  });
