import type postgres from "postgres";
import type { StoredBudgetWindow, WindowState } from "../../server/core/limits-schema.ts";

/** A row of `budget_window` with the state that {@link makeWindowState} adds. */
export interface BudgetWindowRow {
  window_id: string;
  level: StoredBudgetWindow["level"];
  subject: string;
  period: string;
  timezone: string;
  starts_at: string;
  ends_at: string | null;
  limit_nano_usd: string;
  extra_nano_usd: string;
  settled_nano_usd: string;
  leased_nano_usd: string;
  state: WindowState;
}

/** The state of a row, by the clock and not by what the job has marked. */
export function makeWindowState(sql: postgres.Sql | postgres.TransactionSql) {
  return sql`case when ends_at <= now() then 'closed'
    when settled_nano_usd >= limit_nano_usd + extra_nano_usd then 'exhausted' else 'open' end`;
}

/** Turns a stored row into the window that every room works with. */
export function parseBudgetWindowRow(row: BudgetWindowRow): StoredBudgetWindow {
  return {
    id: row.window_id,
    level: row.level,
    subject: row.subject,
    period: row.period,
    timezone: row.timezone,
    startsAt: new Date(row.starts_at),
    endsAt: row.ends_at === null ? null : new Date(row.ends_at),
    limitNanoUsd: BigInt(row.limit_nano_usd),
    extraNanoUsd: BigInt(row.extra_nano_usd),
    settledNanoUsd: BigInt(row.settled_nano_usd),
    leasedNanoUsd: BigInt(row.leased_nano_usd),
    state: row.state,
  };
}
