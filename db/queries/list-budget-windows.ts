import type postgres from "postgres";
import type { StoredBudgetWindow, WindowState } from "../../server/core/limits-schema.ts";
import { type BudgetWindowRow, makeWindowState, parseBudgetWindowRow } from "./budget-window-row.ts";

export interface BudgetWindowFilter {
  level?: string | undefined;
  subject?: string | undefined;
  state?: WindowState | undefined;
}

/** Windows in the order of their ids: those of one budget stand together. */
export async function listBudgetWindows(
  sql: postgres.Sql,
  { level, subject, state }: BudgetWindowFilter,
  page: { after: string | null; limit: number },
): Promise<StoredBudgetWindow[]> {
  const rows = await sql<BudgetWindowRow[]>`
    select * from (select *, ${makeWindowState(sql)} as state from budget_window) w where true
      ${page.after === null ? sql`` : sql`and window_id > ${page.after}`}
      ${level === undefined ? sql`` : sql`and level = ${level}`}
      ${subject === undefined ? sql`` : sql`and subject = ${subject}`}
      ${state === undefined ? sql`` : sql`and state = ${state}`}
    order by window_id limit ${page.limit}`;
  return rows.map(parseBudgetWindowRow);
}
