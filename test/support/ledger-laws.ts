import type postgres from "postgres";

/**
 * Which laws of the budgets' books are broken, one line for each window: what is leased is what the leases hold and have
 * not drawn, nothing is negative, and, once all is quiet, nothing is leased.
 *
 * @returns nothing where there are no such books.
 */
export async function listLawBreaks(sql: postgres.Sql): Promise<string[]> {
  const [books] = await sql<{ are_there: boolean }[]>`
    select to_regclass('budget_window') is not null and to_regclass('budget_lease') is not null as are_there`;
  if (books?.are_there !== true) return [];
  const windows = await sql<{ id: string; settled: string; leased: string; held: string }[]>`
    select w.id::text, w.settled_nano_usd as settled, w.leased_nano_usd as leased, coalesce(l.held, 0)::text as held
    from budget_window w
    left join (
      select window_id, sum(amount_nano_usd - drawn_nano_usd) as held from budget_lease group by window_id
    ) l on l.window_id = w.id
    order by w.id`;
  return windows.flatMap(({ id, settled, leased, held }) => [
    ...(leased === held ? [] : [`window ${id}: ${leased} leased, but the leases hold ${held}`]),
    ...(Number(leased) === 0 ? [] : [`window ${id}: ${leased} still leased`]),
    ...(Number(settled) >= 0 ? [] : [`window ${id}: ${settled} settled`]),
  ]);
}
