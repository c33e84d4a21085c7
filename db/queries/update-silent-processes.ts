import type postgres from "postgres";
import { silentSeconds } from "./list-budget-processes.ts";

/** A process that has just become silent, and what it holds. */
export interface SilentProcess {
  process: string;
  seenAt: Date;
  heldNanoUsd: bigint;
  windows: number;
}

/**
 * Marks processes that were not seen for a minute and have not ended, each once; one that comes back takes its mark off
 * by itself. Frees nothing: it may wake up and spend what it leased.
 *
 * @param announce is told of them before it is committed: rather twice than not at all.
 */
export async function updateSilentProcesses(
  sql: postgres.Sql,
  rowsMax: number,
  announce: (processes: readonly SilentProcess[]) => void,
): Promise<number> {
  return await sql.begin(async (transaction) => {
    const rows = await transaction<{ process: string; seen_at: string; held: string; windows: number }[]>`
      with due as (
        select process from budget_process
        where closed_at is null and silent_at is null and seen_at <= now() - make_interval(secs => ${silentSeconds})
        limit ${rowsMax} for update skip locked
      )
      update budget_process p set silent_at = now() from due where p.process = due.process
      returning p.process, p.seen_at,
        (select coalesce(sum(amount_nano_usd - drawn_nano_usd), 0) from budget_lease l where l.process = p.process) as held,
        (select count(*)::int from budget_lease l
          where l.process = p.process and amount_nano_usd > drawn_nano_usd) as windows`;
    announce(
      rows.map((row) => ({
        process: row.process,
        seenAt: new Date(row.seen_at),
        heldNanoUsd: BigInt(row.held),
        windows: row.windows,
      })),
    );
    return rows.length;
  });
}

/** All processes that are silent now, and what they hold together. */
export async function findSilentHoldings(sql: postgres.Sql): Promise<{ processes: number; heldNanoUsd: bigint }> {
  const [row] = await sql<{ processes: number; held: string }[]>`
    with silent as (
      select process from budget_process
      where closed_at is null and seen_at <= now() - make_interval(secs => ${silentSeconds})
    )
    select (select count(*)::int from silent) as processes, coalesce(sum(amount_nano_usd - drawn_nano_usd), 0) as held
    from budget_lease where process in (select process from silent)`;
  return { processes: row?.processes ?? 0, heldNanoUsd: BigInt(row?.held ?? 0) };
}
