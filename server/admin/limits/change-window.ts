import type postgres from "postgres";
import { findApiKey } from "../../../db/queries/find-api-key.ts";
import { openBudgetWindows } from "../../../db/queries/lease-budgets.ts";
import { findKeyOwnerId } from "../../../db/queries/owned-keys.ts";
import { findLockedBudgetWindow, updateBudgetWindow } from "../../../db/queries/update-budget-window.ts";
import { AppError } from "../../core/error.ts";
import { makeKeyWindows } from "../../core/key-budgets.ts";
import { makeWindowView, type StoredBudgetWindow, type WindowView } from "../../core/limits-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerScope, type ProcedureContext } from "../context.ts";
import { makeValidationError } from "../refusal.ts";

/** The window itself, or the key whose budget is meant. */
interface WindowReference {
  window_id?: string | undefined;
  public_id?: string | undefined;
  period?: string | undefined;
  timezone?: string | undefined;
}

/**
 * Sets what is added to a window, in a transaction, and writes that into the audit log. Callers who are refused are let in
 * again within a second: so long a gateway remembers a refusal.
 *
 * @param decide gets the window, locked, and says what is added to it in all; nano-USD.
 * @throws AppError `not_found`; `conflict` where the period has ended; `validation_failed`; what `decide` throws.
 */
export async function changeWindow(
  ctx: ProcedureContext,
  reference: WindowReference,
  decide: (window: StoredBudgetWindow) => bigint,
): Promise<WindowView> {
  const id = reference.window_id ?? (await openKeyWindow(ctx, reference));
  return await ctx.database.sql.begin(async (transaction) => {
    const before = await findLockedBudgetWindow(transaction, id);
    if (before === null) throw new AppError("not_found");
    if (before.state === "closed") {
      throw new AppError(
        "conflict",
        `This period ended at ${before.endsAt?.toISOString()}; nothing is lent from it any more.`,
      );
    }
    const view = makeWindowView(await updateBudgetWindow(transaction, id, decide(before)));
    await insertAudit(ctx, transaction, {
      objectType: "budget_window",
      objectId: id,
      ownerId: await findOwnerId(transaction, before),
      before: makeWindowView(before),
      after: view,
    });
    return view;
  });
}

/** The current window of a key's budget, made where no call has needed it yet. */
async function openKeyWindow(ctx: ProcedureContext, { public_id, period, timezone }: WindowReference): Promise<string> {
  const key = await findApiKey(ctx.database.sql, public_id ?? "", findCallerScope(ctx.caller));
  if (key === null) throw new AppError("not_found");
  const all = makeKeyWindows(key, ctx.clock.nowMs());
  const meant = all.filter(
    ({ terms }) =>
      (period === undefined || terms.period === period) && (timezone === undefined || terms.timezone === timezone),
  );
  const [window] = meant;
  if (window === undefined || meant.length > 1) {
    const names = all.map(({ terms }) =>
      terms.timezone === "UTC" ? terms.period : `${terms.period} in ${terms.timezone}`,
    );
    const message =
      names.length === 0 ? "the key has no budget" : `must name one of the key's budgets: ${names.join(", ")}`;
    throw makeValidationError([{ path: period === undefined || meant.length === 0 ? "period" : "timezone", message }]);
  }
  const { terms, startMs, endMs } = window;
  await openBudgetWindows(ctx.database.sql, [{ ...terms, id: window.id, startMs, endMs }]);
  return window.id;
}

async function findOwnerId(
  transaction: postgres.TransactionSql,
  { level, subject }: StoredBudgetWindow,
): Promise<string | null> {
  if (level === "owner") return subject;
  return level === "key" ? await findKeyOwnerId(transaction, subject, { ownerId: null }) : null;
}
