import type postgres from "postgres";
import type { StoredBudgetWindow } from "../../server/core/limits-schema.ts";
import { type BudgetWindowRow, makeWindowState, parseBudgetWindowRow } from "./budget-window-row.ts";

/**
 * Marks windows as closed whose period has ended by the database's clock, at most `rowsMax` of them; the oldest first. Rows
 * that somebody else has locked are left for the next call, so two at once share the work and nobody waits.
 *
 * @param announce is told of them before it is committed: rather twice than not at all.
 * @returns how many were marked; fewer than `rowsMax` means that no more are free.
 */
export async function updateEndedWindows(
  sql: postgres.Sql,
  rowsMax: number,
  announce: (windows: readonly StoredBudgetWindow[]) => void,
): Promise<number> {
  return await sql.begin(async (transaction) => {
    const rows = await transaction<BudgetWindowRow[]>`
      with due as (
        select window_id from budget_window where closed_at is null and ends_at <= now()
        order by ends_at limit ${rowsMax} for update skip locked
      )
      update budget_window b set closed_at = now() from due where b.window_id = due.window_id
      returning b.*, ${makeWindowState(transaction)} as state`;
    announce(rows.map(parseBudgetWindowRow));
    return rows.length;
  });
}

/**
 * Deletes leases of closed windows of which all is settled, at most `rowsMax`. Nothing depends on them: a call that still runs keeps
 * something of its lease undrawn.
 *
 * @returns how many were deleted.
 */
export async function deleteDrawnLeases(sql: postgres.Sql, rowsMax: number): Promise<number> {
  const { count } = await sql`
    with drawn as (
      select l.process, l.window_id from budget_lease l join budget_window b using (window_id)
      where b.closed_at is not null and l.amount_nano_usd = l.drawn_nano_usd
      limit ${rowsMax} for update of b, l skip locked
    )
    delete from budget_lease l using drawn d
    where l.process = d.process and l.window_id = d.window_id and l.amount_nano_usd = l.drawn_nano_usd`;
  return count;
}
