import type postgres from "postgres";
import type { BudgetAmounts } from "../../server/core/budget-view.ts";

/** What happened in windows, by their id. A window that no call has opened yet is not in the answer. */
export async function findBudgetAmounts(
  sql: postgres.Sql,
  windowIds: readonly string[],
): Promise<Map<string, BudgetAmounts>> {
  if (windowIds.length === 0) return new Map();
  const rows = await sql<{ window_id: string; extra: string; settled: string; leased: string }[]>`
    select window_id, extra_nano_usd as extra, settled_nano_usd as settled, leased_nano_usd as leased
    from budget_window where window_id = any (${windowIds as string[]}::text[])`;
  return new Map(
    rows.map(({ window_id: id, extra, settled, leased }) => [
      id,
      { extraNanoUsd: BigInt(extra), settledNanoUsd: BigInt(settled), leasedNanoUsd: BigInt(leased) },
    ]),
  );
}
