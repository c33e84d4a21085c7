import type postgres from "postgres";
import { Statement } from "../statement.ts";
import type { UsageFound, UsageGroupSum, UsageQuestion, UsageSum } from "./find-usage.ts";
import { makeBagsText, percentilesText } from "./usage-bags.ts";
import { listUsagePieces, type UsageReading } from "./usage-pieces.ts";
import { makeBucketsText } from "./usage-rows.ts";

/** p50, p95, p99 in milliseconds; `null` where nothing was measured. */
export interface UsagePercentiles {
  latency: readonly number[] | null;
  firstToken: readonly number[] | null;
}

interface Row {
  is_current: boolean;
  which: 0 | 1;
  /** `null` in a total. */
  bucket: number | null;
  is_other: boolean;
  group_values: (string | null)[];
  p50: number;
  p95: number;
  p99: number;
}

/** Fills in the percentiles of rows and totals, each at most 1 % from the true one: all sketches of a row are one bag. */
export async function loadUsagePercentiles(
  transaction: postgres.TransactionSql,
  reading: UsageReading,
  question: Pick<UsageQuestion, "starts" | "previousStarts">,
  found: Pick<UsageFound, "rows" | "total" | "previousTotal"> & {
    top: readonly (readonly (string | null)[])[] | null;
    /** Whether `rows` are all that there are. */
    isAll: boolean;
  },
): Promise<void> {
  const statement = new Statement();
  const rows = await statement.run<Row>(transaction, makeText(statement, reading, question, found));
  const places = new Map(found.rows.map((row) => [nameOf(row.bucket, row.isOther, row.values), row]));
  for (const row of rows) {
    const sum = findSum(row, places, found);
    if (sum === undefined) continue;
    sum.percentiles ??= { latency: null, firstToken: null };
    sum.percentiles[row.which === 0 ? "latency" : "firstToken"] = [row.p50, row.p95, row.p99];
  }
}

function nameOf(bucket: number, isOther: boolean, values: readonly (string | null)[]): string {
  return JSON.stringify([bucket, isOther, values]);
}

function findSum(
  row: Row,
  places: ReadonlyMap<string, UsageGroupSum>,
  found: Pick<UsageFound, "total" | "previousTotal">,
): UsageSum | undefined {
  if (row.bucket === null) return row.is_current ? found.total : found.previousTotal;
  return places.get(nameOf(row.bucket - 1, row.is_other, row.group_values))?.[row.is_current ? "sum" : "previous"];
}

function makeText(
  statement: Statement,
  reading: UsageReading,
  question: Pick<UsageQuestion, "starts" | "previousStarts">,
  { top, rows, isAll }: Parameters<typeof loadUsagePercentiles>[3],
): string {
  const pieces = listUsagePieces(statement, reading, true);
  const { isCurrent, ordinal } = makeBucketsText(question);
  const list = (some: readonly unknown[]) => statement.value(JSON.stringify(some), "jsonb");
  const texted = (json: string) =>
    `array(select v from jsonb_array_elements_text(${json}) with ordinality as t (v, n) order by n)`;
  const topText =
    top === null
      ? ""
      : `top as materialized (select ${texted("v")} as "values" from jsonb_array_elements(${list(top)}) as v),`;
  const wanted = () => list(rows.map((row) => [row.bucket + 1, row.isOther, row.values]));
  const wantedText = isAll
    ? ""
    : `join (select (v ->> 0)::int as ordinal, (v ->> 1)::boolean as is_other, ${texted("v -> 2")} as "values"
        from jsonb_array_elements(${wanted()}) as v) as wanted using (ordinal, is_other, "values")`;
  return `
    with ${topText}
    piece as (${makeBagsText(pieces)}),
    bag as materialized (
      select ${ordinal} as ordinal, ${isCurrent} as is_current,
        ${top === null ? 'false as is_other, "values"' : `top."values" is null as is_other, coalesce(top."values", '{}') as "values"`},
        which, place, sum(n) as n
      from piece ${top === null ? "" : 'left join top on top."values" = piece."values"'} group by 1, 2, 3, 4, 5, 6
    ),
    chosen as (
      select ordinal as bucket, is_other, "values", is_current, which, place, n from bag ${wantedText}
      union all
      select null, false, '{}', is_current, which, place, sum(n) from bag group by is_current, which, place
    ),
    ranked as (
      select *, sum(n) over (partition by bucket, is_other, "values", is_current, which order by place) as upto,
        sum(n) over (partition by bucket, is_other, "values", is_current, which) as total
      from chosen
    )
    select bucket, is_other, to_jsonb("values") as group_values, is_current, which,
      ${percentilesText}
    from ranked group by bucket, is_other, "values", is_current, which`;
}
