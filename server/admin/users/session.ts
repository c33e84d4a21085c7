import { z } from "zod";
import { findOwnedKeys } from "../../../db/queries/owned-keys.ts";
import { findPlan } from "../../core/plan.ts";
import { makePlanView, makeUserView, sessionView } from "../../core/user-schema.ts";
import { findCallerOwner } from "../context.ts";
import { makeProcedure } from "../trpc.ts";

export const getSession = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "GET",
      path: "/session",
      operationId: "getSession",
      summary: "Who is signed in, with the ceilings of the plan and the number of keys",
      tags: ["Users"],
    },
  })
  .input(z.strictObject({}))
  .output(sessionView)
  .query(async ({ ctx }) => {
    const owner = findCallerOwner(ctx.caller);
    const held = owner === null ? 0 : (await findOwnedKeys(ctx.database.sql, owner)).held;
    if (ctx.caller.kind !== "user") return { user: null, plan: null, key_count: held };
    const { user } = ctx.caller;
    return {
      user: makeUserView(user, held),
      plan: user.role === "admin" ? null : makePlanView(findPlan(ctx.config.plans, user.plan)),
      key_count: held,
    };
  });
