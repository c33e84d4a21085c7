import { z } from "zod";
import { listStaleCredentials, updateSeal } from "../../../db/queries/provider-credentials.ts";
import { AppError } from "../../core/error.ts";
import { makeSealedCredential, openSealedCredential } from "../../keys/stored-credential.ts";
import { SealError } from "../../platform/seal.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import type { ProcedureContext } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { resealWebhooks } from "../webhooks/reseal-webhooks.ts";
import { requireCredentialAccess } from "./credential-access.ts";

const batchMax = 50;

export const rotateSealKey = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/credentials/rotate-seal-key",
      operationId: "rotateSealKey",
      summary: "Encrypt every stored credential, and URLs and secrets of webhooks, with the newest seal key",
      description:
        "After TOLLGATE_SEAL_KEY was replaced, with the old one as TOLLGATE_SEAL_KEY_PREVIOUS, on every gateway. May be interrupted and run again: it goes on with what is left. Calls are served meanwhile.",
      tags: ["Credentials"],
      refusals: [409],
    },
  })
  .input(z.strictObject({}))
  .output(z.object({ reencrypted: z.number(), encryption_version: z.number() }))
  .mutation(async ({ ctx }) => {
    requireCredentialAccess(ctx, true);
    const version = ctx.config.sealKeys[0]?.version ?? 0;
    let count = 0;
    for (;;) {
      const done = await resealSome(ctx, version);
      count += done;
      if (done < batchMax) break;
    }
    return { reencrypted: count + (await resealWebhooks(ctx)), encryption_version: version };
  });

/** One batch, in one transaction: what was done stays done, whenever this ends. */
async function resealSome(ctx: ProcedureContext, keyVersion: number): Promise<number> {
  return await ctx.database.sql.begin(async (transaction) => {
    const stale = await listStaleCredentials(transaction, keyVersion, batchMax);
    for (const stored of stale) {
      const { name, version } = stored;
      try {
        const secret = openSealedCredential(ctx.config.sealKeys, stored);
        await updateSeal(transaction, makeSealedCredential(ctx.config.sealKeys, name, version, secret));
      } catch (error) {
        if (error instanceof SealError) throw new AppError("conflict", `${error.message}.`);
        throw error;
      }
    }
    for (const { name, keyVersion: before } of stale) {
      await insertAudit(ctx, transaction, {
        objectType: "provider_credential",
        objectId: name,
        ownerId: null,
        before: { encryption_version: before },
        after: { encryption_version: keyVersion },
      });
    }
    return stale.length;
  });
}
