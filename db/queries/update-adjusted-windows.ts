import type postgres from "postgres";
import type { StoredBudgetWindow } from "../../server/core/limits-schema.ts";
import { type BudgetWindowRow, makeWindowState, parseBudgetWindowRow } from "./budget-window-row.ts";

/** Of these windows the ones whose period goes on, locked until the transaction ends. */
export async function listLockedOpenWindows(
  tx: postgres.TransactionSql,
  ids: readonly string[],
): Promise<StoredBudgetWindow[]> {
  const rows = await tx<BudgetWindowRow[]>`
    select *, ${makeWindowState(tx)} as state from budget_window
    where window_id = any(${[...ids]}::text[]) and closed_at is null and (ends_at is null or ends_at > now())
    order by window_id for update`;
  return rows.map(parseBudgetWindowRow);
}

/** Adds to what a window has settled; nano-USD, negative where calls became cheaper. */
export async function updateSettled(
  tx: postgres.TransactionSql,
  id: string,
  deltaNanoUsd: bigint,
): Promise<StoredBudgetWindow> {
  const [row] = await tx<BudgetWindowRow[]>`
    update budget_window set settled_nano_usd = settled_nano_usd + ${deltaNanoUsd.toString()}::bigint where window_id = ${id}
    returning *, ${makeWindowState(tx)} as state`;
  return parseBudgetWindowRow(row as BudgetWindowRow);
}
