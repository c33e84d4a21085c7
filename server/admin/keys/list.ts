import { z } from "zod";
import { type KeyPosition, listApiKeys } from "../../../db/queries/list-api-keys.ts";
import { type KeyOrder, listSortedKeys, type SortedKeyPosition } from "../../../db/queries/list-sorted-keys.ts";
import { listKeysInput } from "../../core/api-key-schema.ts";
import { apiKeyList } from "../../core/api-key-view.ts";
import type { AppError } from "../../core/error.ts";
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
    const { state, type, tag: tags, alias, advice, q: text, sort, limit } = input;
    const filter = { state, type, ownerId: own ?? input.owner_id, tags, alias, advice, text };
    if (sort === "created_at") {
      const after = input.cursor === undefined ? null : parseCursor(input.cursor);
      const { keys, next } = await listApiKeys(ctx.database.sql, filter, { after, limit });
      return { api_keys: await listKeyViews(ctx, keys), next_cursor: next === null ? null : makeCursor(next) };
    }
    const after = input.cursor === undefined ? null : parseSortedCursor(input.cursor, sort);
    const ascending = input.order === "asc";
    const { keys, next } = await listSortedKeys(ctx.database.sql, filter, { orderBy: sort, ascending, after, limit });
    return {
      api_keys: await listKeyViews(ctx, keys),
      next_cursor: next === null ? null : makeText([sort, next.value, next.publicId]),
    };
  });

const cursorShape = z.tuple([z.iso.datetime(), z.string().refine(isPublicId)]);

function makeCursor(position: KeyPosition): string {
  return makeText([position.createdAt.toISOString(), position.publicId]);
}

function makeText(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

function parseCursor(text: string): KeyPosition {
  const [createdAt, publicId] = parseText(text, cursorShape);
  return { createdAt: new Date(createdAt), publicId };
}

const aliasValue = z.string().regex(/^[a-z0-9-]{1,64}$/);
const instantValue = z.union([z.iso.datetime(), z.enum(["infinity", "-infinity"])]);

function parseSortedCursor(text: string, sort: KeyOrder): SortedKeyPosition {
  const sortedValue = sort === "alias" ? aliasValue : instantValue;
  const [, value, publicId] = parseText(text, z.tuple([z.literal(sort), sortedValue, z.string().refine(isPublicId)]));
  return { value, publicId };
}

function parseText<Shape extends z.core.$ZodType>(text: string, shape: Shape): z.output<Shape> {
  try {
    return z.parse(shape, JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
  } catch {
    throw makeCursorError();
  }
}

function makeCursorError(): AppError {
  return makeValidationError([{ path: "cursor", message: "must be a next_cursor of an earlier answer" }]);
}
