import { insertKeySecret } from "../../../db/queries/insert-key-secret.ts";
import { insertRotationClaim } from "../../../db/queries/insert-rotation-claim.ts";
import type { ApiKey } from "../../core/api-key.ts";
import { rotateKeyInput } from "../../core/api-key-schema.ts";
import { createdKeyView, findEffectiveState } from "../../core/api-key-view.ts";
import { findExcess } from "../../core/delegation.ts";
import { AppError } from "../../core/error.ts";
import { makeKeyText } from "../../core/key-format.ts";
import { makeKeyDigest, makePlainDigest } from "../../keys/key-digest.ts";
import { type AdminContext, findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { findKeyView } from "./key-view.ts";
import { requireVersion } from "./state-change.ts";
import { requireNoExcess, updateKey } from "./update-key.ts";

export const rotateKey = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "POST",
      path: "/api-keys/{public_id}/rotate",
      operationId: "rotateApiKey",
      summary: "Give a key a new secret; the old one works on for a while",
      description:
        "Same public id, tags, limits, budgets and spend. Answers the new plaintext once. The old secret ends after the overlap; where a third secret is made while an overlap runs, the oldest ends at once. With an Idempotency-Key, a repeated rotation makes no further secret and answers api_key null.",
      tags: ["API keys"],
    },
    status: 201,
  })
  .input(rotateKeyInput)
  .output(createdKeyView)
  .mutation(async ({ ctx, input }) => {
    const pepper = ctx.config.peppers[0];
    if (pepper === undefined) throw new Error("a config has at least one pepper");
    let text: string | null = null;
    const key = await updateKey(
      ctx,
      input.public_id,
      (current, nowMs) => {
        requireVersion(current, input.if_match);
        requireRotatable(current, nowMs);
        // Who rotates a key holds it afterwards, so this asks as much as making it.
        requireNoExcess(ctx, (caller) => findExcess(caller, current));
        return { rotatedAt: new Date(nowMs) };
      },
      {
        claim: async (transaction) => {
          if (input.idempotency_key === undefined) return true;
          const claim = makeRotationClaim(ctx, input.public_id, input.idempotency_key);
          return insertRotationClaim(transaction, input.public_id, claim);
        },
        complete: async (transaction, { type, publicId }) => {
          const made = makeKeyText(type, ctx.config.keys.prefixes, ctx.randomBytes, publicId);
          const secret = { digest: makeKeyDigest(made.text, pepper), pepperVersion: pepper.version };
          await insertKeySecret(transaction, publicId, secret, input.overlap);
          text = made.text;
        },
      },
    );
    return { api_key: text, ...(await findKeyView(ctx, key)) };
  });

/** A disabled key may be rotated: that is how one that leaked comes back. */
function requireRotatable(key: ApiKey, nowMs: number): void {
  const state = findEffectiveState(key, nowMs);
  if (state === "revoked") throw new AppError("conflict", "The key is revoked; that is final.");
  if (state === "expired") throw new AppError("conflict", "The key has expired; set a later expires_at first.");
}

/** No credential holds a NUL, so no digest of one is ever the same. */
function makeRotationClaim(ctx: AdminContext, publicId: string, idempotencyKey: string): Buffer {
  return makePlainDigest(["rotate", findCallerName(ctx.caller), publicId, idempotencyKey].join("\0"));
}
