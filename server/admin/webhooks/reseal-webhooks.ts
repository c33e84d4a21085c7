import { findLockedWebhook, listWebhooks, updateWebhookSeals } from "../../../db/queries/webhooks.ts";
import { AppError } from "../../core/error.ts";
import type { Secret } from "../../core/secret.ts";
import { makeSealed, openSealedWithAny, SealError, type SealPlace } from "../../platform/seal.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import type { ProcedureContext } from "../context.ts";

/**
 * Seals what is sealed of webhooks under an older key with the newest one, each webhook in a transaction of its own.
 *
 * @returns how many webhooks had something to do.
 * @throws AppError `conflict` where something opens with no key.
 */
export async function resealWebhooks(ctx: ProcedureContext): Promise<number> {
  let count = 0;
  for (const { id } of await listWebhooks(ctx.database.sql)) {
    count += await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedWebhook(transaction, id);
      if (stored === null) return 0;
      let changed = false;
      const reseal = (field: string, sealed: Buffer): Buffer => {
        const place = { table: "webhook", id, field };
        const { text, isNewest } = openSealedField(ctx, place, sealed);
        if (isNewest) return sealed;
        changed = true;
        return makeSealed(ctx.config.sealKeys[0]?.value ?? ctx.config.sealKey, place, text);
      };
      const { secretSealed: secret, previousSecretSealed: previous } = stored;
      const next = {
        ...stored,
        targetSealed: reseal("target", stored.targetSealed),
        secretSealed: secret === null ? null : reseal("secret", secret),
        previousSecretSealed: previous === null ? null : reseal("secret", previous),
      };
      if (!changed) return 0;
      await updateWebhookSeals(transaction, next);
      await insertAudit(ctx, transaction, {
        objectType: "webhook",
        objectId: id,
        ownerId: null,
        before: { encryption: "older key" },
        after: { encryption: "newest key" },
      });
      return 1;
    });
  }
  return count;
}

/** @returns `isNewest`: it is sealed under the newest key already. */
function openSealedField(ctx: ProcedureContext, place: SealPlace, sealed: Buffer): { text: Secret; isNewest: boolean } {
  const keys = ctx.config.sealKeys.map(({ value }) => value);
  try {
    return { text: openSealedWithAny(keys.slice(0, 1), place, sealed), isNewest: true };
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
  }
  try {
    return { text: openSealedWithAny(keys.slice(1), place, sealed), isNewest: false };
  } catch (error) {
    if (error instanceof SealError) throw new AppError("conflict", `${error.message}.`);
    throw error;
  }
}
