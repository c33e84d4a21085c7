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
 * A query of sketches' counts: `bucket`, `values`, `which` (0: latency, 1: first token), `place` in the sketch and `n`, a few
 * rows of each. The pieces must be without refusals, which have no latency.
 */
export function makeBagsText({ pieces, values }: UsagePieces): string {
  if (pieces.length === 0)
    return 'select 0 as bucket, null::text[] as "values", 0 as which, 0 as place, 0 as n where false';
  return pieces.flatMap((piece) => columns.map((_, which) => makeBagText(piece, values, which))).join(" union all ");
}

/** Counts by place in the sketch: of sketches their elements, of events themselves. */
function makeBagText({ kind, from, bucket }: UsagePiece, values: string, which: number): string {
  const column = columns[which];
  if (kind === "raw") {
    return `select ${bucket} as bucket, ${values} as "values", ${which} as which, find_usage_bucket(${column}_ms) as place, count(*) as n
      from ${from} and ${column}_ms is not null group by 1, 2, 4`;
  }
  const source = from.replace(/^(\w+) where/, `$1 cross join lateral unnest(${column}) as e where`);
  if (kind === "keyed") {
    return `select ${bucket} as bucket, ${values} as "values", ${which} as which, e & 2047 as place, sum(e >> 11) as n
      from ${source} group by 1, 2, 4`;
  }
  return `select bucket, ${values} as "values", ${which} as which, place, n
    from (select ${bucket} as bucket, series_id, e & 2047 as place, sum(e >> 11) as n from ${source} group by 1, 2, 3) as summed
    join usage_series using (series_id)`;
}
