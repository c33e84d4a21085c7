import type postgres from "postgres";
import type { AuditEntry } from "../../db/queries/insert-audit-entry.ts";
import { findKeyOwnerId } from "../../db/queries/owned-keys.ts";
import type { RerateRun } from "../../db/queries/rerate-runs.ts";
import type { ReratedEvent } from "../../db/queries/rerated-events.ts";
import { listLockedOpenWindows, updateSettled } from "../../db/queries/update-adjusted-windows.ts";
import { makeWindowView, type StoredBudgetWindow } from "../core/limits-schema.ts";

/** Adjustments as they are to be stored, with the windows that were charged, and what the audit log is told of those. */
export interface SettledAdjustments {
  events: ReratedEvent[];
  /** To be written last. */
  entries: AuditEntry[];
}

/**
 * Charges what a run changes to the budgets that the events were charged to, where their period goes on and the run was asked
 * for that. Belongs into the transaction that stores the adjustments.
 */
export async function settleAdjustments(
  tx: postgres.TransactionSql,
  run: RerateRun,
  events: readonly ReratedEvent[],
): Promise<SettledAdjustments> {
  const named = run.withBudgets ? new Set(events.flatMap(({ budgetWindows }) => budgetWindows)) : new Set<string>();
  const open = named.size === 0 ? [] : await listLockedOpenWindows(tx, [...named]);
  const ids = new Set(open.map(({ id }) => id));
  const charged = events.map((event) => ({
    ...event,
    budgetWindows: event.budgetWindows.filter((id) => ids.has(id)),
  }));
  const entries: AuditEntry[] = [];
  for (const window of open) {
    const delta = charged.reduce(
      (sum, { budgetWindows, deltaNanoUsd }) => (budgetWindows.includes(window.id) ? sum + deltaNanoUsd : sum),
      0n,
    );
    if (delta === 0n) continue;
    const after = await updateSettled(tx, window.id, delta);
    entries.push({
      actor: "system:rerate-usage",
      action: "usage.rerate",
      objectType: "budget_window",
      objectId: window.id,
      ownerId: await findOwnerId(tx, window),
      before: makeWindowView(window),
      after: { ...makeWindowView(after), rerate_run: run.id },
      ip: "",
      requestId: "",
    });
  }
  return { events: charged, entries };
}

async function findOwnerId(
  tx: postgres.TransactionSql,
  { level, subject }: StoredBudgetWindow,
): Promise<string | null> {
  if (level === "owner") return subject;
  return level === "key" ? await findKeyOwnerId(tx, subject, { ownerId: null }) : null;
}
