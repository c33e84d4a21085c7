import { z } from "zod";
import { listUsers } from "../../../db/queries/list-users.ts";
import { listUsersInput, makeUserView, userList } from "../../core/user-schema.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { requireUserAccess } from "./user-access.ts";

export const listAllUsers = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/users",
      operationId: "listUsers",
      summary: "List users, newest first",
      tags: ["Users"],
    },
  })
  .input(listUsersInput)
  .output(userList)
  .query(async ({ ctx, input }) => {
    requireUserAccess(ctx, false);
    const { role, plan, q: text, limit } = input;
    const after = input.cursor === undefined ? null : parseCursor(input.cursor);
    const users = await listUsers(ctx.database.sql, { role, plan, text }, { after, limit: limit + 1 });
    const page = users.slice(0, limit);
    const last = page.at(-1);
    return {
      users: page.map((user) => makeUserView(user, user.keyCount)),
      next_cursor: users.length > page.length && last !== undefined ? makeCursor(last) : null,
    };
  });

const cursorShape = z.tuple([z.iso.datetime(), z.string().min(1).max(64)]);

function makeCursor(user: { createdAt: Date; id: string }): string {
  return Buffer.from(JSON.stringify([user.createdAt.toISOString(), user.id])).toString("base64url");
}

function parseCursor(text: string): { createdAt: Date; id: string } {
  try {
    const [createdAt, id] = cursorShape.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
    return { createdAt: new Date(createdAt), id };
  } catch {
    throw makeValidationError([{ path: "cursor", message: "must be a next_cursor of an earlier answer" }]);
  }
}
