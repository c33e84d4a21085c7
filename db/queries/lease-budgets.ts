import type postgres from "postgres";

/** A window as the table keeps it. Money is nano-USD; instants are milliseconds since 1970. */
export interface NewBudgetWindow {
  id: string;
  level: string;
  subject: string;
  period: string;
  timezone: string;
  startMs: number;
  /** Infinity: never. */
  endMs: number;
  limitNanoUsd: bigint;
  version: number;
}

/** What one process gives back and takes, in one statement. */
export interface LeaseAsk {
  process: string;
  /** Larger than in every ask before. */
  seq: number;
  /** A surplus is at most this part of what is left. */
  share: number;
  /** Tell the other processes where something was refused that they hold. */
  notify: boolean;
  /** Terms that the table may not have yet. */
  terms: readonly { id: string; limitNanoUsd: bigint; version: number }[];
  returns: readonly { id: string; amount: bigint }[];
  /** Each gets at least `min` in all of its windows, or nothing in any. */
  groups: readonly { windows: readonly { id: string; min: bigint; all: bigint; want: bigint }[] }[];
}

/** A window after the statement; all amounts are absolute. */
export interface LeaseState {
  id: string;
  /** All that this process was granted and did not give back. */
  amount: bigint;
  /** Of that, what is settled. */
  drawn: bigint;
  /** What nobody holds; negative where more was spent than the limit is now. */
  rest: bigint;
  /** Limit less what is settled. */
  spendable: bigint;
}

export interface LeaseAnswer {
  windows: LeaseState[];
  /** Indexes of the groups that got nothing. */
  refused: readonly number[];
}

interface LeaseRow {
  window_id: string;
  amount_nano_usd: string;
  drawn_nano_usd: string;
  rest_nano_usd: string;
  spendable_nano_usd: string;
  /** Numbers with commas. */
  refused: string;
}

/** PostgreSQL's text form. The driver would take a list of `bigint` for a single one. */
function makeNumbers(values: readonly (bigint | number | null)[]): string {
  return `{${values.map((value) => value ?? "NULL").join(",")}}`;
}

/** Makes the windows that are not there yet. Idempotent. */
export async function openBudgetWindows(sql: postgres.Sql, windows: readonly NewBudgetWindow[]): Promise<void> {
  const texts = (read: (window: NewBudgetWindow) => string) => windows.map(read);
  await sql`select open_budget_windows(
    ${texts(({ id }) => id)}::text[], ${texts(({ level }) => level)}::text[], ${texts(({ subject }) => subject)}::text[],
    ${texts(({ period }) => period)}::text[], ${texts(({ timezone }) => timezone)}::text[],
    ${makeNumbers(windows.map(({ startMs }) => startMs))}::bigint[],
    ${makeNumbers(windows.map(({ endMs }) => (Number.isFinite(endMs) ? endMs : null)))}::bigint[],
    ${makeNumbers(windows.map(({ limitNanoUsd }) => limitNanoUsd))}::bigint[],
    ${makeNumbers(windows.map(({ version }) => version))}::bigint[])`;
}

/**
 * Gives back and takes. Atomic; an ask whose answer was lost is harmless, because the next answer is absolute again.
 *
 * @throws the driver's error; its `code` is `TG001` where the process was closed by somebody, `TG002` where a later ask
 * was there before this one.
 */
export async function leaseBudgets(sql: postgres.Sql, ask: LeaseAsk): Promise<LeaseAnswer> {
  const taken = ask.groups.flatMap(({ windows }, group) => windows.map((window) => ({ group, ...window })));
  const rows = await sql<LeaseRow[]>`select l.*, array_to_string(l.refused, ',') as refused from lease_budgets(
    ${ask.process}, ${ask.seq}, ${ask.share}, ${ask.notify},
    ${ask.terms.map(({ id }) => id)}::text[], ${makeNumbers(ask.terms.map(({ limitNanoUsd }) => limitNanoUsd))}::bigint[],
    ${makeNumbers(ask.terms.map(({ version }) => version))}::bigint[],
    ${ask.returns.map(({ id }) => id)}::text[], ${makeNumbers(ask.returns.map(({ amount }) => amount))}::bigint[],
    ${makeNumbers(taken.map(({ group }) => group))}::int[], ${taken.map(({ id }) => id)}::text[],
    ${makeNumbers(taken.map(({ min }) => min))}::bigint[], ${makeNumbers(taken.map(({ all }) => all))}::bigint[],
    ${makeNumbers(taken.map(({ want }) => want))}::bigint[]) l`;
  return {
    windows: rows.map((row) => ({
      id: row.window_id,
      amount: BigInt(row.amount_nano_usd),
      drawn: BigInt(row.drawn_nano_usd),
      rest: BigInt(row.rest_nano_usd),
      spendable: BigInt(row.spendable_nano_usd),
    })),
    refused: (rows[0]?.refused ?? "").split(",").filter(Boolean).map(Number),
  };
}
