import { z } from "zod";
import { listCredentials, listPinCounts } from "../../../db/queries/provider-credentials.ts";
import { credentialList } from "../../core/credential-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireCredentialAccess } from "./credential-access.ts";
import { makeCredentialView } from "./credential-view.ts";

export const listStoredCredentials = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/credentials",
      operationId: "listCredentials",
      summary: "List the stored credentials of providers, without what they hold",
      tags: ["Credentials"],
    },
  })
  .input(z.strictObject({}))
  .output(credentialList)
  .query(async ({ ctx }) => {
    requireCredentialAccess(ctx, false);
    const { sql } = ctx.database;
    const [entries, pins] = await Promise.all([listCredentials(sql), listPinCounts(sql)]);
    return { credentials: entries.map((entry) => makeCredentialView(entry, ctx.config, pins)), next_cursor: null };
  });
