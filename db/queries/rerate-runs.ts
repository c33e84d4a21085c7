import type postgres from "postgres";

/** A re-rating that was asked for: its range, and how far it has come. Money is nano-USD. */
export interface RerateRun {
  id: number;
  actor: string;
  from: Date;
  /** Exclusive. */
  to: Date;
  /** `null`: all. */
  models: readonly string[] | null;
  withBudgets: boolean;
  createdAt: Date;
  /** Events before this instant are done; `null`: it has not begun. */
  nextAt: Date | null;
  events: number;
  deltaNanoUsd: bigint;
  finishedAt: Date | null;
}

interface RunRow {
  run_id: string;
  actor: string;
  from_at: string;
  to_at: string;
  models: string[] | null;
  with_budgets: boolean;
  created_at: string;
  next_at: string | null;
  events: string;
  delta_nano_usd: string;
  finished_at: string | null;
}

function parseRunRow(row: RunRow): RerateRun {
  return {
    id: Number(row.run_id),
    actor: row.actor,
    from: new Date(row.from_at),
    to: new Date(row.to_at),
    models: row.models,
    withBudgets: row.with_budgets,
    createdAt: new Date(row.created_at),
    nextAt: row.next_at === null ? null : new Date(row.next_at),
    events: Number(row.events),
    deltaNanoUsd: BigInt(row.delta_nano_usd),
    finishedAt: row.finished_at === null ? null : new Date(row.finished_at),
  };
}

export async function insertRerateRun(
  tx: postgres.TransactionSql,
  run: Pick<RerateRun, "actor" | "from" | "to" | "models" | "withBudgets">,
): Promise<RerateRun> {
  const [row] = await tx<RunRow[]>`
    insert into rerate_run (actor, from_at, to_at, models, with_budgets)
    values (${run.actor}, ${run.from.toISOString()}, ${run.to.toISOString()},
      ${run.models === null ? null : [...run.models]}::text[], ${run.withBudgets})
    returning *`;
  return parseRunRow(row as RunRow);
}

/** Runs that are not finished, the oldest first. */
export async function listOpenRerateRuns(sql: postgres.Sql): Promise<RerateRun[]> {
  return (await sql<RunRow[]>`select * from rerate_run where finished_at is null order by run_id`).map(parseRunRow);
}

/** Newest first. @param before a run's id; only those before it. */
export async function listRerateRuns(sql: postgres.Sql, limit: number, before: number | null): Promise<RerateRun[]> {
  const rows = await sql<RunRow[]>`
    select * from rerate_run where ${before === null} or run_id < ${before ?? 0} order by run_id desc limit ${limit}`;
  return rows.map(parseRunRow);
}

export async function findRerateRun(sql: postgres.Sql, id: number): Promise<RerateRun | null> {
  const [row] = await sql<RunRow[]>`select * from rerate_run where run_id = ${id}`;
  return row === undefined ? null : parseRunRow(row);
}

/** Where a run stands, as PostgreSQL wrote it, so that no digit of an instant is lost on the way back. */
export interface RerateCursor {
  at: string;
  id: string | null;
}

/** Where a run stands, held until the transaction ends; `null`: it is finished. */
export async function findRerateCursor(tx: postgres.TransactionSql, runId: number): Promise<RerateCursor | null> {
  const [row] = await tx<{ at: string; id: string | null }[]>`
    select coalesce(next_at, from_at) as at, next_id as id from rerate_run where run_id = ${runId} and finished_at is null
    for update`;
  return row ?? null;
}

/** Ends a step: what was done, and where the next one begins. A run that has come to its end is finished. */
export async function updateRerateRun(
  tx: postgres.TransactionSql,
  runId: number,
  step: { next: RerateCursor; events: number; deltaNanoUsd: bigint },
): Promise<RerateRun> {
  const { next, events, deltaNanoUsd } = step;
  const [row] = await tx<RunRow[]>`
    update rerate_run set next_at = ${next.at}::timestamptz, next_id = ${next.id}::uuid,
      events = events + ${events}, delta_nano_usd = delta_nano_usd + ${deltaNanoUsd.toString()}::bigint,
      finished_at = case when ${next.at}::timestamptz >= to_at then now() end
    where run_id = ${runId} returning *`;
  return parseRunRow(row as RunRow);
}
