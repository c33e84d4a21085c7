import { findKeyOwnerId } from "../../../db/queries/owned-keys.ts";
import { type ApiKeyChange, type ChangeSteps, updateApiKey } from "../../../db/queries/update-api-key.ts";
import { findLockedUser } from "../../../db/queries/update-user.ts";
import type { ApiKey } from "../../core/api-key.ts";
import { makeApiKeyView } from "../../core/api-key-view.ts";
import type { KeyPowers } from "../../core/delegation.ts";
import { AppError } from "../../core/error.ts";
import type { User } from "../../core/user.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { type AdminContext, findCallerScope, type ProcedureContext } from "../context.ts";
import { makePlannedChange, requirePlanRoom } from "./owner-plan.ts";

/**
 * Changes one key in a transaction, within the plan of its owner, and writes that into the audit log.
 *
 * @param decide gets the key, locked, and database time; `null` changes nothing.
 * @param steps what else belongs into the transaction.
 * @throws AppError `not_found` (also for somebody else's key), `alias_taken`, and what `decide` throws.
 */
export async function updateKey(
  ctx: ProcedureContext,
  publicId: string,
  decide: (key: ApiKey, nowMs: number) => ApiKeyChange | null,
  steps: ChangeSteps = {},
): Promise<ApiKey> {
  const nowMs = ctx.clock.nowMs();
  const scope = findCallerScope(ctx.caller);
  let before: ApiKey | null = null;
  let owner: User | null = null;
  const changed = await updateApiKey(
    ctx.database.sql,
    publicId,
    scope,
    (key) => {
      const change = decide(key, nowMs);
      if (change === null) return null;
      before = key;
      return makePlannedChange(ctx, owner, key, change);
    },
    {
      ...steps,
      async begin(transaction) {
        const ownerId = await findKeyOwnerId(transaction, publicId, scope);
        owner = ownerId === null ? null : await findLockedUser(transaction, ownerId);
      },
      async complete(transaction, key) {
        await steps.complete?.(transaction, key);
        if (before === null) return;
        await requirePlanRoom(ctx, transaction, before, key);
        await insertAudit(ctx, transaction, {
          objectType: "api_key",
          objectId: key.publicId,
          ownerId: key.ownerId,
          before: makeApiKeyView(before, nowMs),
          after: makeApiKeyView(key, nowMs),
        });
      },
    },
  );
  if (changed === "not_found") throw new AppError("not_found");
  if (changed === "alias_taken") throw new AppError("alias_taken", undefined, { param: "alias" });
  return changed;
}

/**
 * Refuses what a calling key finds beyond itself.
 *
 * @param find compares with the caller; see core/delegation.
 * @throws AppError `permission_denied`
 */
export function requireNoExcess(ctx: AdminContext, find: (caller: KeyPowers) => string[]): void {
  if (ctx.caller.kind !== "key") return;
  const excess = find(ctx.caller.key);
  if (excess.length === 0) return;
  throw new AppError(
    "permission_denied",
    `A key can give no more than it has itself; this goes beyond the calling key in ${excess.join(", ")}.`,
    { param: excess[0] ?? null, issues: excess.map((path) => ({ path, message: "goes beyond the calling key" })) },
  );
}
