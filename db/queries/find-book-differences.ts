import type postgres from "postgres";
import type { BookDifference, FaultyPart } from "../../server/core/reconcile-difference.ts";
import type { ReconcileBook } from "../../server/core/reconcile-schema.ts";
import { counters, hourOf, matchSeries, sketches } from "../rollup-columns.ts";

/** What of a row is compared: all but refusals, which no raw event tells of, and of a sketch the number and the sum of its buckets. */
const compared = [
  ...counters.filter((name) => name !== "refusals"),
  "first_at",
  "last_at",
  ...sketches.flatMap((name) => [`${name}_count`, `${name}_sum`]),
];
const sums = compared.filter((name) => !name.endsWith("_at"));

const ofEvent: Readonly<Record<string, string>> = {
  requests: "count(*)",
  errors: "count(*) filter (where e.status >= 400)",
  unpriced_requests: "count(*) - count(e.cost_nano_usd)",
  first_at: "min(e.at)",
  last_at: "max(e.at)",
  latency_count: "count(*)",
  latency_sum: "sum(find_usage_bucket(e.latency_ms))",
  first_token_count: "count(e.first_token_ms)",
  first_token_sum: "coalesce(sum(find_usage_bucket(e.first_token_ms)) filter (where e.first_token_ms is not null), 0)",
};
const ofAdjustment: Readonly<Record<string, string>> = {
  cost_nano_usd: "sum(a.delta_nano_usd)",
  unpriced_requests: "-count(*) filter (where a.was_unpriced)",
};

const eventText = compared.map((name) => `${ofEvent[name] ?? `coalesce(sum(e.${name}), 0)`} as ${name}`).join(", ");
const adjustmentText = compared
  .map((name) => `${name.endsWith("_at") ? "null::timestamptz" : (ofAdjustment[name] ?? "0")} as ${name}`)
  .join(", ");
const sumText = compared
  .map((name) => {
    if (name === "first_at") return "min(first_at) as first_at";
    return name === "last_at" ? "max(last_at) as last_at" : `coalesce(sum(${name}), 0) as ${name}`;
  })
  .join(", ");
/** A row of a rollup with the figures of its sketches. */
const rollupText = compared
  .map((name) => {
    const [, sketch, figure] = /^(latency|first_token)_(count|sum)$/.exec(name) ?? [];
    if (sketch === undefined) return `r.${name}`;
    const element = figure === "count" ? "x >> 11" : "(x >> 11)::bigint * (x & 2047)";
    return `coalesce((select sum(${element}) from unnest(r.${sketch}) as x), 0) as ${name}`;
  })
  .join(", ");

const zero = (side: string, name: string): string =>
  sums.includes(name) ? `coalesce(${side}.${name}, 0)` : `${side}.${name}`;
const differs = compared.map((name) => `${zero("x", name)} is distinct from ${zero("f", name)}`).join(" or ");
const fieldsText = `array_remove(array[${compared
  .map((name) => `case when ${zero("x", name)} is distinct from ${zero("f", name)} then '${name}' end`)
  .join(", ")}], null)`;

interface DifferenceRow {
  rows: number;
  at: string | null;
  object: string;
  fields: string[];
  expected_requests: string;
  expected_cost: string;
  found_requests: string;
  found_cost: string;
}

/**
 * Compares two sets of rows by their keys. `expected` and `found` are queries whose columns are the keys and {@link compared}.
 *
 * @returns the rows that differ, and how many were looked at.
 */
async function compare(
  sql: postgres.Sql | postgres.TransactionSql,
  book: ReconcileBook,
  sides: { keys: readonly string[]; at: string; object: string; expected: string; found: string },
  day: string,
): Promise<{ differences: BookDifference[]; rows: number }> {
  const rows = await sql.unsafe<DifferenceRow[]>(
    `with x as materialized (${sides.expected}), f as materialized (${sides.found}), looked as (select count(*)::int as rows from f)
    select looked.rows, d.* from looked left join (
      select (extract(epoch from ${sides.at}) * 1000)::bigint as at, ${sides.object} as object, to_jsonb(${fieldsText}) as fields,
        coalesce(x.requests, 0)::text as expected_requests, coalesce(x.cost_nano_usd, 0)::text as expected_cost,
        coalesce(f.requests, 0)::text as found_requests, coalesce(f.cost_nano_usd, 0)::text as found_cost
      from x full join f using (${sides.keys.join(", ")})
      where ${differs}
    ) as d on true`,
    [day],
  );
  return {
    rows: rows[0]?.rows ?? 0,
    differences: rows
      .filter(({ at }) => at !== null)
      .map((row) => ({
        book,
        atMs: Number(row.at),
        object: row.object,
        fields: row.fields,
        expected: { requests: Number(row.expected_requests), costNanoUsd: BigInt(row.expected_cost) },
        found: { requests: Number(row.found_requests), costNanoUsd: BigInt(row.found_cost) },
      })),
  };
}

const dayStart = "($1::date)::timestamp at time zone 'UTC'";
const dayEnd = "($1::date + 1)::timestamp at time zone 'UTC'";

/** Holds the hours of one UTC day against the raw events of merged parts, and their adjustments, as of one moment. */
export async function findHourDifferences(sql: postgres.Sql, day: string) {
  const expected = `select hour, series_id, ${sumText} from (
      select ${hourOf("e.at")} as hour, coalesce(s.series_id, 0) as series_id, ${eventText}
      from usage_event e left join usage_series s on ${matchSeries("e")}
      where e.at >= ${dayStart} and e.at < ${dayEnd}
        and not exists (select from usage_part p where p.part_id = e.part_id and p.merged_at is null)
      group by 1, 2
      union all
      select ${hourOf("e.at")}, coalesce(s.series_id, 0), ${adjustmentText}
      from usage_adjustment a join usage_event e on e.at = a.at and e.id = a.event_id
        left join usage_series s on ${matchSeries("e")}
      where a.at >= ${dayStart} and a.at < ${dayEnd}
      group by 1, 2
    ) as ledger group by 1, 2`;
  const found = `select r.hour, r.series_id, ${rollupText} from usage_hour r where r.hour >= ${dayStart} and r.hour < ${dayEnd}`;
  return compare(
    sql,
    "hour",
    { keys: ["hour", "series_id"], at: "hour", object: "'series:' || series_id", expected, found },
    day,
  );
}

/** Holds the days of one UTC day against its hours, and those by key too: not against the days, which may be at fault themselves. */
export async function findDayDifferences(sql: postgres.Sql, day: string) {
  const hourly = `select r.series_id, ${rollupText} from usage_hour r where r.hour >= ${dayStart} and r.hour < ${dayEnd}`;
  const hours = `select series_id, ${sumText} from (${hourly}) as hours group by 1`;
  const days = `select r.series_id, ${rollupText} from usage_day r where r.day = $1::date`;
  const byKey = `select s.public_id, s.owner_id, ${sumText} from (${hourly}) as hours join usage_series s using (series_id) group by 1, 2`;
  const keyed = `select r.public_id, r.owner_id, ${rollupText} from usage_day_key r where r.day = $1::date`;
  const at = dayStart;
  const daily = await compare(
    sql,
    "day",
    { keys: ["series_id"], at, object: "'series:' || series_id", expected: hours, found: days },
    day,
  );
  const perKey = await compare(
    sql,
    "day_key",
    { keys: ["public_id", "owner_id"], at, object: "'key:' || public_id", expected: byKey, found: keyed },
    day,
  );
  return { rows: daily.rows + perKey.rows, differences: [...daily.differences, ...perKey.differences] };
}

/** Holds the parts that begin on one UTC day against the events that bear their number. */
export async function findPartDifferences(
  sql: postgres.Sql,
  day: string,
): Promise<{ differences: BookDifference[]; faulty: FaultyPart[]; rows: number }> {
  const rows = await sql.unsafe<
    { rows: number; part_id: string | null; first: string; last: string; named: number; there: number }[]
  >(
    `with parts as materialized (
      select * from usage_part where first_at >= ${dayStart} and first_at < ${dayEnd}
    ), counted as (
      select e.part_id, count(*)::int as events, min(e.at) as first_at, max(e.at) as last_at from usage_event e
      where e.at >= ${dayStart} and e.at <= greatest(${dayEnd}, (select max(last_at) from parts))
      group by 1
    ), looked as (select count(*)::int as rows from parts)
    select looked.rows, d.* from looked left join (
      select part_id::text, (extract(epoch from coalesce(p.first_at, c.first_at)) * 1000)::float8 as first,
        (extract(epoch from coalesce(p.last_at, c.last_at)) * 1000)::float8 as last,
        coalesce(p.events, 0) as named, coalesce(c.events, 0) as there
      from parts p full join counted c using (part_id)
      where coalesce(p.events, 0) <> coalesce(c.events, 0)
        -- Of a day before it, or of none.
        and (p.part_id is not null or not exists (select from usage_part o where o.part_id = c.part_id))
    ) as d on true`,
    [day],
  );
  const found = rows.filter(({ part_id: id }) => id !== null);
  return {
    rows: rows[0]?.rows ?? 0,
    faulty: found.map(({ first, last, named, there }) => ({
      firstMs: Number(first),
      lastMs: Number(last),
      missing: named - there,
    })),
    differences: found.map(({ part_id: id, first, named, there }) => ({
      book: "ledger",
      atMs: Math.floor(Number(first)),
      object: `part:${id}`,
      fields: ["requests"],
      expected: { requests: named, costNanoUsd: null },
      found: { requests: there, costNanoUsd: null },
    })),
  };
}

export interface WindowDrift {
  windowId: string;
  startsAtMs: number;
  settledNanoUsd: bigint;
  expectedNanoUsd: bigint;
}

/**
 * Holds what budgets settled against the events that were charged to them, their adjustments and what was written off, as of
 * one moment.
 *
 * @param from windows that began before are left out: not all of their events are kept.
 */
export async function findBudgetDrift(
  sql: postgres.Sql,
  from: string,
): Promise<{ drift: WindowDrift[]; windows: number; tooOld: number }> {
  const rows = await sql<
    { window_id: string | null; starts: string; settled: string; expected: string; windows: number; old: number }[]
  >`
    with charged as (
      select window_id, sum(cost) as cost from (
        select unnest(string_to_array(budget_windows, ',')) as window_id, coalesce(cost_nano_usd, 0) as cost
        from usage_event where budget_windows is not null
        union all
        select unnest(string_to_array(budget_windows, ',')), delta_nano_usd from usage_adjustment where budget_windows is not null
        union all
        select window_id, amount_nano_usd from budget_write_off
      ) as charges group by 1
    ), looked as (
      select count(*) filter (where starts_at >= ${from}::timestamptz)::int as windows,
        count(*) filter (where starts_at < ${from}::timestamptz)::int as old from budget_window
    )
    select looked.windows, looked.old, d.* from looked left join (
      select w.window_id, (extract(epoch from w.starts_at) * 1000)::bigint as starts, w.settled_nano_usd::text as settled,
        coalesce(c.cost, 0)::bigint::text as expected
      from budget_window w left join charged c using (window_id)
      where w.starts_at >= ${from}::timestamptz and w.settled_nano_usd <> coalesce(c.cost, 0)
    ) as d on true
    order by d.window_id`;
  return {
    windows: rows[0]?.windows ?? 0,
    tooOld: rows[0]?.old ?? 0,
    drift: rows.flatMap((row) =>
      row.window_id === null
        ? []
        : [
            {
              windowId: row.window_id,
              startsAtMs: Number(row.starts),
              settledNanoUsd: BigInt(row.settled),
              expectedNanoUsd: BigInt(row.expected),
            },
          ],
    ),
  };
}
