import type { UsageOrder } from "../../server/core/usage-question.ts";
import { counters } from "../rollup-columns.ts";
import type { Statement } from "../statement.ts";
import type { UsageQuestion } from "./find-usage.ts";
import type { UsagePieces } from "./usage-pieces.ts";
import { makeSumsText, usageSumsText } from "./usage-sums.ts";

const measures: Record<UsageOrder, string> = {
  requests: "sum(requests)",
  errors: "sum(errors)",
  error_rate: "coalesce(round(sum(errors)::numeric / nullif(sum(requests), 0), 12), 0)",
  cost_usd: "sum(cost_nano_usd)",
  input_tokens: "sum(input_tokens + cached_input_tokens + cache_write_tokens + input_audio_tokens)",
  output_tokens: "sum(output_tokens + reasoning_tokens + output_audio_tokens)",
  bytes_out: "sum(bytes_out)",
  last_used_at: "coalesce(extract(epoch from max(last_at)), 0)",
};

/** Buckets are counted through both ranges, the one before first. */
export function makeBucketsText(question: Pick<UsageQuestion, "starts" | "previousStarts">) {
  const before = question.previousStarts.length;
  // A range that ends before the clocks change may have a bucket more than the one that is held against it.
  const ordinal = `least(case when bucket > ${before} then bucket - ${before} else bucket end, ${question.starts.length})`;
  return { isCurrent: `bucket > ${before}`, ordinal };
}

/**
 * One statement for the page: its rows, once for the range and once for the one before, in order; and the totals of
 * both.
 */
export function makeUsageRowsText(statement: Statement, pieces: UsagePieces, question: UsageQuestion): string {
  const { isCurrent, ordinal } = makeBucketsText(question);
  const measure = measures[question.orderBy ?? "requests"];
  const sign = question.ascending ? "" : "-";
  const ofMeasure = `${sign}coalesce(${measure.replaceAll(/\b(sum|max)\(([^()]+)\)/g, "$1($2) filter (where is_current) over place")}, 0)`;
  const sorts =
    question.orderBy === null ? ["ordinal", "is_other::int", ofMeasure] : ["is_other::int", ofMeasure, "ordinal"];
  const after =
    question.after === null
      ? ""
      : `where (sort_1, sort_2, sort_3, "values") > (${question.after.sort.map((text) => statement.value(text, "numeric")).join(", ")}, ${statement.list(question.after.values)})`;
  const own = [...counters, "first_at", "last_at", "sketches"].join(", ");
  const top =
    question.top === null
      ? `select ${ordinal} as ordinal, ${isCurrent} as is_current, false as is_other, "values", ${usageSumsText} from piece group by 1, 2, 3, 4`
      : `select ${ordinal} as ordinal, ${isCurrent} as is_current, top."values" is null as is_other, coalesce(top."values", '{}') as "values", ${usageSumsText}
         from piece left join top on top."values" = piece."values" group by 1, 2, 3, 4`;
  return `
    with piece as (${makeSumsText(pieces)}),
    ${
      question.top === null
        ? ""
        : `top as materialized (
            select "values" from piece where ${isCurrent} group by "values"
            order by ${question.ascending ? "" : "-"}${measure}, "values" limit ${statement.value(question.top, "int")}
          ),`
    }
    grouped as materialized (${top}),
    place as (
      select *, ${sorts.map((sort, index) => `(${sort})::numeric as sort_${index + 1}`).join(", ")}
      from grouped window place as (partition by ordinal, is_other, "values")
    ),
    page as (
      select *, dense_rank() over (order by sort_1, sort_2, sort_3, "values") as number from place ${after}
    )
    select 'row' as what, number, ordinal as bucket, is_other, to_jsonb("values") as group_values, sort_1, sort_2, sort_3,
      is_current, ${own}
    from page where number <= ${statement.value(question.limit + 1, "int")}
    union all
    select 'total', null, null, null, null, null, null, null, is_current, ${usageSumsText} from grouped group by is_current
    order by number`;
}
