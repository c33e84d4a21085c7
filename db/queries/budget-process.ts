import type postgres from "postgres";

/** Registers an incarnation of a process, before it takes its first lease. */
export async function openBudgetProcess(sql: postgres.Sql, process: string): Promise<void> {
  await sql`insert into budget_process (process) values (${process}) on conflict do nothing`;
}

/** How long a process counts as alive after it was last seen. */
const aliveSeconds = 15;

/**
 * Says that this process is alive.
 *
 * @returns how many processes are, this one included; `null` where somebody has closed this one.
 */
export async function updateBudgetProcess(sql: postgres.Sql, process: string): Promise<number | null> {
  const [row] = await sql<{ alive: number }[]>`
    with seen as (
      update budget_process set seen_at = now(), silent_at = null
      where process = ${process} and closed_at is null returning process
    )
    select count(*)::int as alive from seen, budget_process p
    where p.process = seen.process or (p.closed_at is null and p.seen_at > now() - make_interval(secs => ${aliveSeconds}))`;
  return row === undefined || row.alive === 0 ? null : row.alive;
}

/**
 * Frees what a process still holds, whose calls are all stored; with `writeOff`, for one that will never tell what it
 * spent, charges it. Idempotent.
 *
 * @returns what it held, nano-USD.
 */
export async function deleteBudgetProcess(
  sql: postgres.Sql | postgres.TransactionSql,
  process: string,
  writeOff: boolean,
): Promise<bigint> {
  const [row] = await sql<{ held: string }[]>`select close_budget_process(${process}, ${writeOff}) as held`;
  return BigInt(row?.held ?? 0);
}
