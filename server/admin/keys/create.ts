import { findApiKeyByIdempotency } from "../../../db/queries/find-api-key.ts";
import { insertApiKey } from "../../../db/queries/insert-api-key.ts";
import type { ApiKey } from "../../core/api-key.ts";
import { createKeyInput } from "../../core/api-key-schema.ts";
import { createdKeyView } from "../../core/api-key-view.ts";
import { findExcess } from "../../core/delegation.ts";
import { AppError } from "../../core/error.ts";
import { makeKeyText } from "../../core/key-format.ts";
import { makeKeyDigest } from "../../keys/key-digest.ts";
import { findCallerName, type ProcedureContext } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { aliasAttempts, makeKeyAlias } from "./key-alias.ts";
import { findPermissionIssues, type KeyDraft, makeKeyDraft } from "./key-draft.ts";
import { findKeyView } from "./key-view.ts";
import { makePlannedDraft } from "./owner-plan.ts";
import { settleNewKey } from "./settle-new-key.ts";
import { requireNoExcess } from "./update-key.ts";

export const createKey = makeProcedure("admin:keys", { member: true })
  .meta({
    findMoreIssues: findPermissionIssues,
    openapi: {
      method: "POST",
      path: "/api-keys",
      operationId: "createApiKey",
      summary: "Create a key",
      description:
        "Answers the plaintext once. With an Idempotency-Key, a repeated create answers the same key with api_key null and the header Idempotent-Replayed: true.",
      tags: ["API keys"],
    },
    status: 201,
  })
  .input(createKeyInput)
  .output(createdKeyView)
  .mutation(async ({ ctx, input }) => {
    const given = { budgets: input.budgets !== undefined, rateLimits: input.rate_limits !== undefined };
    const draft = await makePlannedDraft(ctx, makeKeyDraft(ctx, input), given);
    requireNoExcess(ctx, (caller) => findExcess(caller, draft));
    const { key, text } = await insertKey(ctx, draft, input.alias ?? null, input.idempotency_key);
    return { api_key: text, ...(await findKeyView(ctx, key)) };
  });

async function insertKey(
  ctx: ProcedureContext,
  draft: KeyDraft,
  alias: string | null,
  idempotencyKey: string | undefined,
): Promise<{ key: ApiKey; text: string | null }> {
  const { sql } = ctx.database;
  const pepper = ctx.config.peppers[0];
  if (pepper === undefined) throw new Error("a config has at least one pepper");
  for (let attempt = 1; attempt <= aliasAttempts + 1; attempt++) {
    const { text, publicId } = makeKeyText(draft.type, ctx.config.keys.prefixes, ctx.randomBytes);
    const key = {
      ...draft,
      publicId,
      alias: alias ?? (await makeKeyAlias(ctx, draft, publicId, attempt)),
    };
    const secret = { digest: makeKeyDigest(text, pepper), pepperVersion: pepper.version };
    const stored = await insertApiKey(sql, key, secret, {
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      complete: (transaction, made) => settleNewKey(ctx, transaction, made),
    });
    if (stored !== null) return { key: stored, text };
    if (idempotencyKey !== undefined) {
      const earlier = await findApiKeyByIdempotency(sql, findCallerName(ctx.caller), idempotencyKey);
      if (earlier !== null) return { key: earlier, text: null };
    }
    if (alias !== null) throw new AppError("alias_taken", undefined, { param: "alias" });
  }
  throw new AppError("conflict", "No free alias was found; send one.", { param: "alias" });
}
