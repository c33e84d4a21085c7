import type postgres from "postgres";
import type { StoredBudgetWindow } from "../../server/core/limits-schema.ts";
import { type BudgetWindowRow, makeWindowState, parseBudgetWindowRow } from "./budget-window-row.ts";

/** Reads a window and holds the row, so that nothing is lent or settled until the transaction ends. */
export async function findLockedBudgetWindow(
  tx: postgres.TransactionSql,
  id: string,
): Promise<StoredBudgetWindow | null> {
  const [row] = await tx<BudgetWindowRow[]>`
    select *, ${makeWindowState(tx)} as state from budget_window where window_id = ${id} for update`;
  return row === undefined ? null : parseBudgetWindowRow(row);
}

/** Sets what an admin added to a window in all, nano-USD. */
export async function updateBudgetWindow(
  tx: postgres.TransactionSql,
  id: string,
  extraNanoUsd: bigint,
): Promise<StoredBudgetWindow> {
  const [row] = await tx<BudgetWindowRow[]>`
    update budget_window set extra_nano_usd = ${extraNanoUsd.toString()}::bigint where window_id = ${id}
    returning *, ${makeWindowState(tx)} as state`;
  return parseBudgetWindowRow(row as BudgetWindowRow);
}
