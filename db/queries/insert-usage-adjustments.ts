import type postgres from "postgres";
import type { ReratedEvent } from "./rerated-events.ts";

/** Adds adjustments of a run, in the order given. `budgetWindows` are those that were charged the difference. */
export async function insertUsageAdjustments(
  tx: postgres.TransactionSql,
  runId: number,
  events: readonly ReratedEvent[],
): Promise<void> {
  const list = (read: (event: ReratedEvent) => string) => events.map(read);
  await tx`
    insert into usage_adjustment
      (at, event_id, run_id, delta_nano_usd, was_unpriced, old_price_id, new_price_id, budget_windows)
    select a.at, a.id, ${runId}::bigint, a.delta, a.was_unpriced, a.old_price_id, a.new_price_id, nullif(a.windows, '')
    from unnest(
      ${list(({ at }) => at)}::text[]::timestamptz[], ${list(({ id }) => id)}::text[]::uuid[],
      ${list(({ deltaNanoUsd }) => deltaNanoUsd.toString())}::text[]::bigint[], ${list(({ wasUnpriced }) => String(wasUnpriced))}::text[]::boolean[],
      ${list(({ oldPriceId }) => oldPriceId)}::text[], ${list(({ newPriceId }) => newPriceId)}::text[],
      ${list(({ budgetWindows }) => budgetWindows.join(","))}::text[]
    ) with ordinality as a(at, id, delta, was_unpriced, old_price_id, new_price_id, windows, number)
    order by a.number`;
}
