import type postgres from "postgres";

export type JobRunOutcome = "completed" | "failed" | "retried" | "returned";

/** What is known of one job, from all processes that run it. */
export interface JobState {
  job: string;
  queue: string;
  schedule: string;
  nextRunAt: Date | null;
  /** Of the last run. One that goes on has no end yet. */
  startedAt: Date | null;
  endedAt: Date | null;
  outcome: JobRunOutcome | null;
  durationMs: number | null;
  lagMs: number | null;
  progress: number | null;
  result: Record<string, number> | null;
  error: string | null;
  runs: number;
  failures: number;
  /** Somebody wants it to run now, and no worker has taken that up yet. */
  requestedAt: Date | null;
  requestedBy: string | null;
}

interface StateRow {
  job: string;
  queue: string;
  schedule: string;
  next_run_at: string | null;
  started_at: string | null;
  ended_at: string | null;
  outcome: JobRunOutcome | null;
  duration_ms: number | null;
  lag_ms: number | null;
  progress: number | null;
  result: Record<string, number> | null;
  error: string | null;
  runs: string;
  failures: string;
  requested_at: string | null;
  requested_by: string | null;
}

const toDate = (text: string | null): Date | null => (text === null ? null : new Date(text));

function parseStateRow(row: StateRow): JobState {
  return {
    job: row.job,
    queue: row.queue,
    schedule: row.schedule,
    nextRunAt: toDate(row.next_run_at),
    startedAt: toDate(row.started_at),
    endedAt: toDate(row.ended_at),
    outcome: row.outcome,
    durationMs: row.duration_ms,
    lagMs: row.lag_ms,
    progress: row.progress,
    result: row.result,
    error: row.error,
    runs: Number(row.runs),
    failures: Number(row.failures),
    requestedAt: toDate(row.requested_at),
    requestedBy: row.requested_by,
  };
}

export async function listJobStates(sql: postgres.Sql): Promise<JobState[]> {
  return (await sql<StateRow[]>`select * from job_state order by job`).map(parseStateRow);
}

/** Says which jobs there are, and when each runs next. */
export async function updateJobSchedules(
  sql: postgres.Sql,
  schedules: readonly { job: string; queue: string; schedule: string; nextRunAt: Date | null }[],
): Promise<void> {
  await sql`
    insert into job_state as s (job, queue, schedule, next_run_at)
    select d->>'job', d->>'queue', d->>'schedule', (d->>'nextRunAt')::timestamptz
    from jsonb_array_elements(${JSON.stringify(schedules)}::text::jsonb) as d
    order by 1
    on conflict (job) do update set queue = excluded.queue, schedule = excluded.schedule,
      next_run_at = coalesce(excluded.next_run_at, s.next_run_at)`;
}

export async function updateJobStarted(
  sql: postgres.Sql,
  {
    job,
    queue,
    schedule,
    startedAt,
    lagMs,
  }: Pick<JobState, "job" | "queue" | "schedule"> & { startedAt: Date; lagMs: number },
): Promise<void> {
  await sql`
    insert into job_state as s (job, queue, schedule, started_at, lag_ms, runs)
    values (${job}, ${queue}, ${schedule}, ${startedAt.toISOString()}, ${lagMs}, 1)
    on conflict (job) do update set started_at = excluded.started_at, lag_ms = excluded.lag_ms, ended_at = null,
      progress = null, runs = s.runs + 1`;
}

export async function updateJobProgress(sql: postgres.Sql, job: string, progress: number): Promise<void> {
  await sql`update job_state set progress = ${progress} where job = ${job} and ended_at is null`;
}

/** The last run to end is the one that is told of. */
export async function updateJobEnded(
  sql: postgres.Sql,
  end: {
    job: string;
    endedAt: Date;
    outcome: JobRunOutcome;
    durationMs: number;
    result: Record<string, number> | null;
    error: string | null;
  },
): Promise<void> {
  const isFailure = end.outcome === "failed" || end.outcome === "retried";
  await sql`
    update job_state set ended_at = ${end.endedAt.toISOString()}, outcome = ${end.outcome}, duration_ms = ${end.durationMs},
      result = ${end.result === null ? null : JSON.stringify(end.result)}::text::jsonb, error = ${end.error},
      progress = case when ${end.outcome} = 'completed' then 100 else progress end,
      failures = failures + ${isFailure ? 1 : 0}
    where job = ${end.job}`;
}

/** Reads a job and holds its row until the transaction ends. */
export async function findLockedJobState(tx: postgres.TransactionSql, job: string): Promise<JobState | null> {
  const [row] = await tx<StateRow[]>`select * from job_state where job = ${job} for update`;
  return row === undefined ? null : parseStateRow(row);
}

/** Asks the workers for a run. */
export async function updateJobRequested(
  tx: postgres.TransactionSql,
  job: string,
  request: { at: Date; by: string },
): Promise<JobState> {
  const [row] = await tx<StateRow[]>`
    update job_state set requested_at = ${request.at.toISOString()}, requested_by = ${request.by} where job = ${job}
    returning *`;
  return parseStateRow(row as StateRow);
}

/** Jobs of a queue that somebody wants to run now. */
export async function listRequestedJobs(
  sql: postgres.Sql,
  queue: string,
): Promise<{ job: string; requestedAt: Date }[]> {
  const rows = await sql<{ job: string; requested_at: string }[]>`
    select job, requested_at from job_state where queue = ${queue} and requested_at is not null`;
  return rows.map(({ job, requested_at }) => ({ job, requestedAt: new Date(requested_at) }));
}

/** The run stands in its queue: the wish is fulfilled, unless there is a newer one. */
export async function updateRequestTaken(sql: postgres.Sql, job: string, requestedAt: Date): Promise<void> {
  await sql`
    update job_state set requested_at = null, requested_by = null
    where job = ${job} and requested_at = ${requestedAt.toISOString()}`;
}
