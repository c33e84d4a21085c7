import type postgres from "postgres";
import type { ApiKey } from "../../core/api-key.ts";
import { makeApiKeyView } from "../../core/api-key-view.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import type { ProcedureContext } from "../context.ts";
import { requirePlanRoom } from "./owner-plan.ts";

/**
 * What belongs into the transaction that makes a key, wherever the key comes from: room in its owner's plan, and the entry
 * in the audit log.
 *
 * @throws AppError `plan_limit_keys`; nothing is made then.
 */
export async function settleNewKey(
  ctx: ProcedureContext,
  transaction: postgres.TransactionSql,
  key: ApiKey,
): Promise<void> {
  await requirePlanRoom(ctx, transaction, null, key);
  await insertAudit(ctx, transaction, {
    objectType: "api_key",
    objectId: key.publicId,
    ownerId: key.ownerId,
    before: null,
    after: makeApiKeyView(key, ctx.clock.nowMs()),
  });
}
