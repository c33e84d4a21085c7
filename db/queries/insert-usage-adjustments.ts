import type postgres from "postgres";
import { addStates, counters, hourOf, matchSeries, sketches, stateNames } from "../rollup-columns.ts";
import type { ReratedEvent } from "./rerated-events.ts";
import { openRollupMonths, touchUsageDays } from "./rollup-transaction.ts";

/** What one adjustment adds to the states of its hour. */
const adjustmentStates = [
  ...counters.map((name) => {
    if (name === "cost_nano_usd") return "sum(a.delta_nano_usd)::bigint";
    return name === "unpriced_requests" ? "-count(*) filter (where a.was_unpriced)" : "0::bigint";
  }),
  "null::timestamptz",
  "null::timestamptz",
  ...sketches.map(() => "'{}'::integer[]"),
].join(", ");

/**
 * Adds adjustments of a run, in the order given, and the same to the hours of their events. Belongs into a transaction of
 * rollups. `budgetWindows` are those that were charged the difference.
 */
export async function insertUsageAdjustments(
  tx: postgres.TransactionSql,
  runId: number,
  events: readonly ReratedEvent[],
): Promise<void> {
  const [first, last] = [events[0], events.at(-1)];
  if (first === undefined || last === undefined) return;
  const list = (read: (event: ReratedEvent) => string) => events.map(read);
  const [range] = await tx<{ first: string; last: string }[]>`
    with added as (insert into usage_adjustment
      (at, event_id, run_id, delta_nano_usd, was_unpriced, old_price_id, new_price_id, budget_windows)
    select a.at, a.id, ${runId}::bigint, a.delta, a.was_unpriced, a.old_price_id, a.new_price_id, nullif(a.windows, '')
    from unnest(
      ${list(({ at }) => at)}::text[]::timestamptz[], ${list(({ id }) => id)}::text[]::uuid[],
      ${list(({ deltaNanoUsd }) => deltaNanoUsd.toString())}::text[]::bigint[], ${list(({ wasUnpriced }) => String(wasUnpriced))}::text[]::boolean[],
      ${list(({ oldPriceId }) => oldPriceId)}::text[], ${list(({ newPriceId }) => newPriceId)}::text[],
      ${list(({ budgetWindows }) => budgetWindows.join(","))}::text[]
    ) with ordinality as a(at, id, delta, was_unpriced, old_price_id, new_price_id, windows, number)
    order by a.number returning adjustment_id)
    select min(adjustment_id) as first, max(adjustment_id) as last from added`;
  await openRollupMonths(tx, first.at, last.at);
  await tx.unsafe(
    `insert into usage_hour as h (hour, series_id, ${stateNames})
    select ${hourOf("e.at")}, s.series_id, ${adjustmentStates}
    from usage_adjustment a join usage_event e on e.at = a.at and e.id = a.event_id
      join usage_series s on ${matchSeries("e")}
    where a.at between $1 and $2 and a.adjustment_id between $3 and $4
    group by 1, 2 order by 1, 2
    on conflict (hour, series_id) do update set ${addStates}`,
    [first.at, last.at, range?.first ?? "0", range?.last ?? "0"],
  );
  await touchUsageDays(tx, first.at, last.at);
}
