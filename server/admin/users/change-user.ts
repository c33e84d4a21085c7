import type postgres from "postgres";
import { findOwnedKeys, updateExcessKeys } from "../../../db/queries/owned-keys.ts";
import { deleteUserSessions, findLockedUser, updateUser } from "../../../db/queries/update-user.ts";
import type { ApiKey } from "../../core/api-key.ts";
import { makeApiKeyView } from "../../core/api-key-view.ts";
import { AppError } from "../../core/error.ts";
import { findPlan } from "../../core/plan.ts";
import type { User } from "../../core/user.ts";
import { makeUserView, type UserView } from "../../core/user-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import type { ProcedureContext } from "../context.ts";

/** What an admin may change of a user. */
export type UserChange = Partial<Pick<User, "name" | "role" | "plan" | "disabledAt">>;

/**
 * Changes a user in a transaction and writes that into the audit log. A new role, and being disabled, end all sessions; keys
 * beyond the new plan are disabled. Every gateway hears of it within a second.
 *
 * @param decide gets the user, locked.
 * @param also what else belongs into the transaction; true ends all sessions too.
 * @throws AppError `not_found`, and what `decide` throws.
 */
export async function changeUser(
  ctx: ProcedureContext,
  id: string,
  decide: (user: User) => UserChange,
  also: (transaction: postgres.TransactionSql) => Promise<boolean> = () => Promise.resolve(false),
): Promise<{ view: UserView; disabledKeys: ApiKey[] }> {
  return await ctx.database.sql.begin(async (transaction) => {
    const before = await findLockedUser(transaction, id);
    if (before === null) throw new AppError("not_found");
    const wanted = { ...before, ...decide(before) };
    const user = await updateUser(transaction, wanted);
    const endsSessions = (await also(transaction)) || user.role !== before.role || user.disabledAt !== null;
    if (endsSessions) await deleteUserSessions(transaction, id);
    const plan = user.role === "member" ? findPlan(ctx.config.plans, user.plan) : null;
    const mayShrink = user.plan !== before.plan || user.role !== before.role;
    const disabledKeys = plan !== null && mayShrink ? await updateExcessKeys(transaction, id, plan.keysMax) : [];
    const { held } = await findOwnedKeys(transaction, id);
    const view = makeUserView(user, held);
    const nowMs = ctx.clock.nowMs();
    for (const key of disabledKeys) {
      await insertAudit(ctx, transaction, {
        objectType: "api_key",
        objectId: key.publicId,
        ownerId: id,
        before: makeApiKeyView({ ...key, state: "active", version: key.version - 1 }, nowMs),
        after: makeApiKeyView(key, nowMs),
      });
    }
    await insertAudit(ctx, transaction, {
      objectType: "user",
      objectId: id,
      ownerId: id,
      before: makeUserView(before, held),
      after: view,
    });
    return { view, disabledKeys };
  });
}
