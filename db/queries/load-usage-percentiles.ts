import type postgres from "postgres";
import { Statement } from "../statement.ts";
import type { UsageFound, UsageQuestion, UsageSum } from "./find-usage.ts";
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
  /** From 1 on; 0 for all groups that were not named. */
  place_group: number;
  p50: number;
  p95: number;
  p99: number;
}

/** Fills in the percentiles of rows and totals, each at most 1 % from the true one: all sketches of a row are one bag. */
export async function loadUsagePercentiles(
  transaction: postgres.ISql,
  reading: UsageReading,
  question: Pick<UsageQuestion, "starts" | "previousStarts">,
  found: Pick<UsageFound, "rows" | "total" | "previousTotal">,
): Promise<void> {
  const statement = new Statement();
  const groups = [...new Set(found.rows.filter((row) => !row.isOther).map(({ values }) => JSON.stringify(values)))];
  const numbers = new Map(groups.map((group, index) => [group, index + 1]));
  const places = new Map(
    found.rows.map((row) => [`${row.bucket + 1}/${row.isOther ? 0 : numbers.get(JSON.stringify(row.values))}`, row]),
  );
  const findSum = ({ bucket, place_group: group, is_current: isCurrent }: Row): UsageSum | undefined =>
    bucket === null
      ? found[isCurrent ? "total" : "previousTotal"]
      : places.get(`${bucket}/${group}`)?.[isCurrent ? "sum" : "previous"];
  for (const row of await statement.run<Row>(transaction, makeText(statement, reading, question, groups))) {
    const sum = findSum(row);
    if (sum === undefined) continue;
    sum.percentiles ??= { latency: null, firstToken: null };
    sum.percentiles[row.which === 0 ? "latency" : "firstToken"] = [row.p50, row.p95, row.p99];
  }
}

function makeText(
  statement: Statement,
  reading: UsageReading,
  question: Pick<UsageQuestion, "starts" | "previousStarts">,
  groups: readonly string[],
): string {
  const { isCurrent, ordinal } = makeBucketsText(question);
  const list = statement.value(`[${groups.join(",")}]`, "jsonb");
  return `
    with wanted as materialized (
      select number::int, array(select v from jsonb_array_elements_text(g) with ordinality as t (v, n) order by n) as "values"
      from jsonb_array_elements(${list}) with ordinality as listed (g, number)
    ),
    bag as materialized (
      select ${ordinal} as bucket, ${isCurrent} as is_current, place_group, which, place, sum(n) as n
      from (${makeBagsText(listUsagePieces(statement, reading, true))}) as piece group by 1, 2, 3, 4, 5
    ),
    chosen as (
      select bucket, is_current, place_group, which, place, n from bag
      union all
      select null, is_current, 0, which, place, sum(n) from bag group by is_current, which, place
    ),
    ranked as (
      select *, sum(n) over (partition by bucket, place_group, is_current, which order by place) as upto,
        sum(n) over (partition by bucket, place_group, is_current, which) as total
      from chosen
    )
    select bucket, place_group, is_current, which, ${percentilesText}
    from ranked group by bucket, place_group, is_current, which`;
}
