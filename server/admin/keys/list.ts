import { z } from "zod";
import { type KeyPosition, listApiKeys } from "../../../db/queries/list-api-keys.ts";
import { listKeysInput } from "../../core/api-key-schema.ts";
import { apiKeyList } from "../../core/api-key-view.ts";
import { isPublicId } from "../../core/key-format.ts";
import { findCallerScope } from "../context.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { listKeyViews } from "./key-view.ts";

export const listKeys = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "GET",
      path: "/api-keys",
      operationId: "listApiKeys",
      summary: "List keys, newest first",
      tags: ["API keys"],
    },
  })
  .input(listKeysInput)
  .output(apiKeyList)
  .query(async ({ ctx, input }) => {
    const own = findCallerScope(ctx.caller).ownerId;
    // Somebody else's keys are as absent as keys that do not exist.
    if (own !== null && input.owner_id !== undefined && input.owner_id !== own)
      return { api_keys: [], next_cursor: null };
    const { state, type, tag: tags, alias, advice, q: text } = input;
    const { keys, next } = await listApiKeys(
      ctx.database.sql,
      { state, type, ownerId: own ?? input.owner_id, tags, alias, advice, text },
      { after: input.cursor === undefined ? null : parseCursor(input.cursor), limit: input.limit },
    );
    return { api_keys: await listKeyViews(ctx, keys), next_cursor: next === null ? null : makeCursor(next) };
  });

const cursorShape = z.tuple([z.iso.datetime(), z.string().refine(isPublicId)]);

function makeCursor(position: KeyPosition): string {
  return Buffer.from(JSON.stringify([position.createdAt.toISOString(), position.publicId])).toString("base64url");
}

function parseCursor(text: string): KeyPosition {
  try {
    const [createdAt, publicId] = cursorShape.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
    return { createdAt: new Date(createdAt), publicId };
  } catch {
    throw makeValidationError([{ path: "cursor", message: "must be a next_cursor of an earlier answer" }]);
  }
}
