import type postgres from "postgres";
import type { ProcessState, StoredBudgetProcess } from "../../server/core/limits-schema.ts";

/** A process that was not seen for so long is silent. */
export const silentSeconds = 60;

interface ProcessRow {
  process: string;
  state: ProcessState;
  started_at: string;
  seen_at: string;
  silent_at: string | null;
  closed_at: string | null;
  held: string;
  windows: number;
}

function makeProcessQuery(sql: postgres.Sql | postgres.TransactionSql) {
  return sql`
    select p.process, p.started_at, p.seen_at, p.silent_at, p.closed_at,
      case when p.closed_at is not null then 'closed'
        when p.seen_at <= now() - make_interval(secs => ${silentSeconds}) then 'silent' else 'live' end as state,
      coalesce(l.held, 0) as held, coalesce(l.windows, 0) as windows
    from budget_process p cross join lateral (
      select sum(amount_nano_usd - drawn_nano_usd) as held,
        count(*) filter (where amount_nano_usd > drawn_nano_usd)::int as windows
      from budget_lease l where l.process = p.process
    ) l`;
}

/**
 * Processes, the newest first.
 *
 * @param page `after`: the process that the page before ended with.
 */
export async function listBudgetProcesses(
  sql: postgres.Sql,
  state: ProcessState | undefined,
  page: { after: string | null; limit: number },
): Promise<StoredBudgetProcess[]> {
  const rows = await sql<ProcessRow[]>`
    select * from (${makeProcessQuery(sql)}) p where true
      ${state === undefined ? sql`` : sql`and state = ${state}`}
      ${
        page.after === null
          ? sql``
          : sql`and (started_at, process) < (select started_at, process from budget_process where process = ${page.after})`
      }
    order by started_at desc, process desc limit ${page.limit}`;
  return rows.map(parseRow);
}

/** Reads a process and holds its row, so that it can neither lease nor settle until the transaction ends. */
export async function findLockedBudgetProcess(
  tx: postgres.TransactionSql,
  process: string,
): Promise<StoredBudgetProcess | null> {
  await tx`select from budget_process where process = ${process} for update`;
  const [row] = await tx<ProcessRow[]>`select * from (${makeProcessQuery(tx)}) p where process = ${process}`;
  return row === undefined ? null : parseRow(row);
}

function parseRow(row: ProcessRow): StoredBudgetProcess {
  return {
    process: row.process,
    state: row.state,
    startedAt: new Date(row.started_at),
    seenAt: new Date(row.seen_at),
    silentAt: row.silent_at === null ? null : new Date(row.silent_at),
    closedAt: row.closed_at === null ? null : new Date(row.closed_at),
    heldNanoUsd: BigInt(row.held),
    windows: row.windows,
  };
}
