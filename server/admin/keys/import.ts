import { z } from "zod";
import { findKeysByDigest } from "../../../db/queries/find-keys-by-digest.ts";
import { insertApiKey } from "../../../db/queries/insert-api-key.ts";
import type { ApiKey } from "../../core/api-key.ts";
import { type ImportKeyEntry, importKeysInput } from "../../core/api-key-schema.ts";
import { findExcess } from "../../core/delegation.ts";
import { AppError } from "../../core/error.ts";
import { isExpired } from "../../core/expiry.ts";
import { makeKeyText } from "../../core/key-format.ts";
import { findCallerScope, type ProcedureContext } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { entryError, makeEntryError } from "./entry-error.ts";
import { aliasAttempts, makeKeyAlias } from "./key-alias.ts";
import { type KeyDraft, makeKeyDraft } from "./key-draft.ts";
import { makePlannedDraft } from "./owner-plan.ts";
import { settleNewKey } from "./settle-new-key.ts";
import { requireNoExcess } from "./update-key.ts";

/** A key that was imported by hash has no pepper of ours. */
const plainPepperVersion = 0;

const importResults = z.object({
  results: z.array(
    z.object({
      public_id: z.string().nullable(),
      outcome: z.enum(["imported", "exists", "refused"]),
      error: entryError.nullable(),
    }),
  ),
  imported: z.number(),
  existing: z.number(),
  refused: z.number(),
});
type ImportResult = z.infer<typeof importResults>["results"][number];

export const importKeys = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/api-keys/import",
      operationId: "importApiKeys",
      summary: "Import keys of another system by their hash",
      description:
        "The keys then work unchanged. Each entry is a transaction of its own and has its own result, in the order of the call; an entry whose hash is stored already is left as it is. An expires_at in the past imports a key that has expired.",
      tags: ["API keys"],
    },
  })
  .input(importKeysInput)
  .output(importResults)
  .mutation(async ({ ctx, input }) => {
    const results: ImportResult[] = [];
    for (const entry of input.keys) results.push(await importKey(ctx, entry));
    const count = (outcome: ImportResult["outcome"]) => results.filter((result) => result.outcome === outcome).length;
    return { results, imported: count("imported"), existing: count("exists"), refused: count("refused") };
  });

async function importKey(ctx: ProcedureContext, entry: ImportKeyEntry): Promise<ImportResult> {
  try {
    const given = { budgets: entry.budgets !== undefined, rateLimits: entry.rate_limits !== undefined };
    const draft = await makePlannedDraft(ctx, makeImportDraft(ctx, entry), given);
    requireNoExcess(ctx, (caller) => findExcess(caller, draft));
    const { key, isNew } = await insertImported(ctx, entry, draft);
    return { public_id: key.publicId, outcome: isNew ? "imported" : "exists", error: null };
  } catch (error) {
    return { public_id: entry.public_id ?? null, outcome: "refused", error: makeEntryError(error) };
  }
}

/** A key that has ended elsewhere is stored as one that has ended, not refused: the import is a copy. */
function makeImportDraft(ctx: ProcedureContext, entry: ImportKeyEntry): KeyDraft {
  const { expires_at: expiresAt, expiration, ...rest } = entry;
  const wanted = expiresAt === undefined ? expiration : expiresAt;
  if (wanted === undefined || wanted === null || !isExpired(wanted, ctx.clock.nowMs())) {
    return { ...makeKeyDraft(ctx, entry), state: entry.state };
  }
  return { ...makeKeyDraft(ctx, rest), expiresAt: wanted, state: "expired" };
}

async function insertImported(
  ctx: ProcedureContext,
  entry: ImportKeyEntry,
  draft: KeyDraft,
): Promise<{ key: ApiKey; isNew: boolean }> {
  const { sql } = ctx.database;
  const digest = Buffer.from(entry.hash, "hex");
  for (let attempt = 1; attempt <= aliasAttempts + 1; attempt++) {
    const earlier = await findImported(ctx, entry);
    if (earlier !== null) return { key: earlier, isNew: false };
    const publicId = entry.public_id ?? makeKeyText(draft.type, ctx.config.keys.prefixes, ctx.randomBytes).publicId;
    const alias = entry.alias ?? (await makeKeyAlias(ctx, draft, publicId, attempt));
    const key = { ...draft, publicId, alias };
    const stored = await insertApiKey(
      sql,
      key,
      { digest, pepperVersion: plainPepperVersion },
      {
        importedFrom: entry.format,
        complete: (transaction, made) => settleNewKey(ctx, transaction, made),
      },
    );
    if (stored !== null) return { key: stored, isNew: true };
    if (entry.alias !== undefined) throw new AppError("alias_taken", undefined, { param: "alias" });
  }
  throw new AppError("conflict", "The public id belongs to another key.", { param: "public_id" });
}

/** The key that an earlier import of the entry made. @throws AppError `conflict` where the hash is that of another key. */
async function findImported(ctx: ProcedureContext, entry: ImportKeyEntry): Promise<ApiKey | null> {
  const [found] = await findKeysByDigest(ctx.database.sql, [entry.hash]);
  if (found === undefined) return null;
  const { key } = found;
  const { ownerId } = findCallerScope(ctx.caller);
  const isSame =
    key.importedFrom === entry.format &&
    (entry.public_id === undefined || key.publicId === entry.public_id) &&
    (ownerId === null || key.ownerId === ownerId);
  if (!isSame) throw new AppError("conflict", "The hash belongs to another key.", { param: "hash" });
  return key;
}
