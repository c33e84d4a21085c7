import type postgres from "postgres";

interface WindowBooks {
  window_id: string;
  subject: string;
  limit: string;
  settled: string;
  leased: string;
  /** What the events of the window cost, and what was written off for processes that never told. */
  charged: string;
  /** What the leases hold and have not drawn. */
  held: string;
}

/**
 * Which laws of the budgets' books are broken, a line each: what is settled is what the events of the window cost together
 * with what was written off, what is leased is what the leases hold, and neither together passes the limit nor, once all
 * is quiet, is anything leased.
 *
 * @param mayBeOver subjects whose limit may be passed: their provider charges more than it can.
 * @returns nothing where there are no such books.
 */
export async function listLawBreaks(sql: postgres.Sql, mayBeOver: ReadonlySet<string> = new Set()): Promise<string[]> {
  const [books] = await sql<{ are_there: boolean }[]>`
    select to_regclass('budget_window') is not null and to_regclass('budget_lease') is not null as are_there`;
  if (books?.are_there !== true) return [];
  const windows = await sql<WindowBooks[]>`
    with charged as (
      select window_id, sum(cost) as cost from (
        select unnest(string_to_array(budget_windows, ',')) as window_id, coalesce(cost_nano_usd, 0) as cost
        from usage_event where budget_windows is not null
        union all
        select window_id, amount_nano_usd from budget_write_off
      ) charges group by window_id
    ),
    held as (select window_id, sum(amount_nano_usd - drawn_nano_usd) as amount from budget_lease group by window_id)
    select w.window_id, w.subject, (w.limit_nano_usd + w.extra_nano_usd)::text as limit, w.settled_nano_usd::text as settled,
      w.leased_nano_usd::text as leased, coalesce(charged.cost, 0)::text as charged, coalesce(held.amount, 0)::text as held
    from budget_window w left join charged using (window_id) left join held using (window_id)
    order by w.window_id`;
  return windows.flatMap((window) =>
    findBreaks(window, mayBeOver).map((found) => `${found} in the budget window ${window.window_id}`),
  );
}

function findBreaks(
  { subject, limit, settled, leased, charged, held }: WindowBooks,
  mayBeOver: ReadonlySet<string>,
): string[] {
  const used = BigInt(settled) + BigInt(leased);
  return [
    ...(settled === charged ? [] : [`${settled} settled for events of ${charged}`]),
    ...(leased === held ? [] : [`${leased} leased, but the leases hold ${held}`]),
    ...(leased === "0" ? [] : [`${leased} still leased`]),
    ...(used <= BigInt(limit) || mayBeOver.has(subject) ? [] : [`${used} used of ${limit}`]),
  ];
}
