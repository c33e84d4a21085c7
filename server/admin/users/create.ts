import { insertUser } from "../../../db/queries/insert-user.ts";
import { AppError } from "../../core/error.ts";
import { createdUserView, createUserInput, makeUserView } from "../../core/user-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { makePasswordHash } from "./password-hash.ts";
import { makeRandomText } from "./random-text.ts";
import { getFirstPlan, requirePlanName, requireUserAccess } from "./user-access.ts";

export const createUser = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/users",
      operationId: "createUser",
      summary: "Make a user who signs in with a password",
      tags: ["Users"],
      refusals: [409],
    },
    status: 201,
  })
  .input(createUserInput)
  .output(createdUserView)
  .mutation(async ({ ctx, input }) => {
    requireUserAccess(ctx, true);
    const plan = input.plan ?? getFirstPlan(ctx);
    requirePlanName(ctx, plan);
    const password = input.password ?? makeRandomText(ctx.randomBytes, 20);
    const hash = await makePasswordHash(password);
    const user = {
      id: makeRandomText(ctx.randomBytes, 32),
      name: input.name ?? input.email.slice(0, input.email.indexOf("@")),
      email: input.email,
      role: input.role ?? "member",
      plan,
    };
    return await ctx.database.sql.begin(async (transaction) => {
      const stored = await insertUser(transaction, user, hash);
      if (stored === null) throw new AppError("conflict", "There is a user with this e-mail.", { param: "email" });
      const view = makeUserView(stored, 0);
      const { id } = stored;
      await insertAudit(ctx, transaction, { objectType: "user", objectId: id, ownerId: id, before: null, after: view });
      return { ...view, password: input.password === undefined ? password : null };
    });
  });
