import { z } from "zod";
import { findKeysByDigest } from "../../../db/queries/find-keys-by-digest.ts";
import type { PublicId } from "../../core/api-key.ts";
import { leakedKeysInput } from "../../core/api-key-schema.ts";
import { AppError } from "../../core/error.ts";
import { isExpired } from "../../core/expiry.ts";
import { listKeyLookups } from "../../keys/key-lookup.ts";
import type { ProcedureContext } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { makeStateChange } from "./state-change.ts";
import { updateKey } from "./update-key.ts";

const leakReport = z.object({
  received: z.number(),
  matched: z.number().describe("Different keys whose whole, still working text was among them."),
  disabled: z.number().describe("Of these, how many were active until now."),
});

export const reportLeak = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/api-keys/leaked",
      operationId: "reportLeakedApiKeys",
      summary: "Report leaked keys: those that match are disabled",
      description:
        "Takes whole keys and never gives one back. A scanner without a key signs its report where TOLLGATE_LEAK_SECRET is set: x-tollgate-signature: t=SECONDS,v1=HEX, the HMAC-SHA-256 under that secret of SECONDS, a dot and the body, at most five minutes old.",
      tags: ["API keys"],
    },
  })
  .input(leakedKeysInput)
  .output(leakReport)
  .mutation(async ({ ctx, input }) => {
    const matched = await listMatches(ctx, input.keys);
    let seen = 0;
    let disabled = 0;
    for (const publicId of matched) {
      try {
        const isDisabled = await disableLeaked(ctx, publicId);
        seen++;
        if (!isDisabled) continue;
        disabled++;
        ctx.logger.warn({ event: "key_leaked", public_id: publicId }, "a leaked key was disabled");
      } catch (error) {
        // Of somebody else, or gone by now: as absent as a key that does not exist.
        if (!(error instanceof AppError) || error.code !== "not_found") throw error;
      }
    }
    return { received: input.keys.length, matched: seen, disabled };
  });

/** @returns false where the key was not active any more. */
async function disableLeaked(ctx: ProcedureContext, publicId: PublicId): Promise<boolean> {
  let isDisabled = false;
  await updateKey(ctx, publicId, (current, nowMs) => {
    if (current.state !== "active" || isExpired(current.expiresAt, nowMs)) return null;
    isDisabled = true;
    return makeStateChange(current, "disabled", nowMs, false);
  });
  return isDisabled;
}

/** The keys that texts belong to, by a secret that has not ended: one that was rotated out harms nobody. */
async function listMatches(ctx: ProcedureContext, texts: readonly string[]): Promise<Set<PublicId>> {
  const { config, clock, database } = ctx;
  const lookups = texts.flatMap((text) => listKeyLookups(text, config.keys.prefixes, config.peppers, () => true));
  const found = await findKeysByDigest(
    database.sql,
    lookups.map((lookup) => lookup.digest),
  );
  const byDigest = new Map(found.map((entry) => [entry.digest, entry]));
  const matched = new Set<PublicId>();
  for (const { digest, accepts } of lookups) {
    const entry = byDigest.get(digest);
    if (entry === undefined || isExpired(entry.secretRetiresAt, clock.nowMs()) || !accepts(entry.key)) continue;
    matched.add(entry.key.publicId);
  }
  return matched;
}
