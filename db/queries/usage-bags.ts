import type { UsagePiece, UsagePieces } from "./usage-pieces.ts";

const columns = ["latency", "first_token"] as const;

/** The middle of a sketch's bucket in milliseconds; as `find_usage_quantiles` has it (migration 0009). */
function makeValueText(place: string): string {
  return `case ${place} when 0 then 0 else 0.01 * power(1.02::float8, ${place}) * 2 / 2.02 end`;
}

/** `p50`, `p95` and `p99` of rows of a bag with `upto`, how many values lie in this place or a lower one, and `total`. */
export const percentilesText = [0.5, 0.95, 0.99]
  .map((rank) => `${makeValueText(`min(place) filter (where upto > floor(${rank} * (total - 1)))`)} as p${rank * 100}`)
  .join(", ");

/**
 * A query of sketches' counts: `bucket`, `place_group` (the number of the row's group in the table `wanted`, 0 where it is
 * not in it), `which` (0: latency, 1: first token), `place` in the sketch and `n`, a few rows of each. The pieces must be
 * without refusals, which have no latency.
 */
export function makeBagsText({ pieces, values, conditions: filter }: UsagePieces): string {
  const texts = pieces.flatMap((piece) =>
    columns.map((column, which) => makeBagText(piece, values, filter, column, which)),
  );
  const none = "select 0 as bucket, 0 as place_group, 0 as which, 0 as place, 0 as n where false";
  return texts.length === 0 ? none : texts.join(" union all ");
}

/** Groups are told apart by numbers before sketches are taken to pieces: of these there are hundreds for each row. */
function makeBagText(piece: UsagePiece, values: string, filter: string, column: string, which: number): string {
  const { kind, from, bucket } = piece;
  const group = "coalesce(wanted.number, 0) as place_group";
  if (kind === "raw") {
    return `select bucket, ${group}, ${which} as which, place, count(*) as n
      from (select ${bucket} as bucket, ${values} as "values", find_usage_bucket(${column}_ms) as place
        from ${from} and ${column}_ms is not null) as told
      left join wanted using ("values") group by 1, 2, 4`;
  }
  const rows =
    kind === "keyed"
      ? `select bucket, ${group}, sketch from (select ${bucket} as bucket, ${values} as "values", ${column} as sketch from ${from}) as told
        left join wanted using ("values")`
      : `select bucket, place_group, sketch from (select ${bucket} as bucket, series_id, ${column} as sketch from ${from}) as told
        join (
          select series_id, ${group} from (select series_id, ${values} as "values" from usage_series where true ${filter}) as named
          left join wanted using ("values")
        ) as named using (series_id)`;
  return `select bucket, place_group, ${which} as which, e & 2047 as place, sum(e >> 11) as n
    from (${rows}) as sketched cross join lateral unnest(sketch) as e group by 1, 2, 4`;
}
