import { counters } from "../rollup-columns.ts";
import type { UsagePiece, UsagePieces } from "./usage-pieces.ts";

export type UsageCounter = (typeof counters)[number];

/** What is no column of an event, or not as it is. */
const ofEvent: Partial<Record<UsageCounter, string>> = {
  requests: "count(*)",
  errors: "count(*) filter (where status >= 400)",
  refusals: "0",
  cost_nano_usd: "coalesce(sum(cost_nano_usd), 0)",
  unpriced_requests: "count(*) filter (where cost_nano_usd is null)",
};

/** Of an adjustment. Its event was counted before. */
const ofAdjustment: Partial<Record<UsageCounter, string>> = {
  cost_nano_usd: "sum(delta_nano_usd)",
  unpriced_requests: "-count(*) filter (where was_unpriced)",
};

/** `sum(…) as …` of every counter, the first and the last use, and how many sketches there are to read. */
export const usageSumsText = makeSums((counter) => `sum(${counter})`, "min(first_at)", "max(last_at)", "sum(sketches)");

function makeSums(make: (counter: UsageCounter) => string, first: string, last: string, sketches: string): string {
  return [
    ...counters.map((counter) => `${make(counter)} as ${counter}`),
    `${first} as first_at`,
    `${last} as last_at`,
    `${sketches} as sketches`,
  ].join(", ");
}

const ofRollup = makeSums((counter) => `sum(${counter})`, "min(first_at)", "max(last_at)", "count(*)");
const none = "null::timestamptz";
const ofRefusal = makeSums((counter) => (counter === "refusals" ? "sum(refusals)" : "0"), none, none, "0");

const sumsByKind: Record<UsagePiece["kind"], string> = {
  series: ofRollup,
  keyed: ofRollup,
  // A sketch holds some hundred values.
  raw: makeSums((counter) => ofEvent[counter] ?? `sum(${counter})`, "min(at)", "max(at)", "count(*) / 100"),
  refused: ofRefusal,
  refusal: ofRefusal,
  adjustment: makeSums((counter) => ofAdjustment[counter] ?? "0", none, none, "0"),
};

/** A query of `bucket`, `values` and the sums, a few rows of each. */
export function makeSumsText({ pieces, values }: UsagePieces): string {
  return pieces.map((piece) => makePieceText(piece, values)).join(" union all ");
}

function makePieceText({ kind, from, bucket }: UsagePiece, values: string): string {
  const sums = sumsByKind[kind];
  if (kind !== "series" && kind !== "refused") {
    return `select ${bucket} as bucket, ${values} as "values", ${sums} from ${from} group by 1, 2`;
  }
  // Series are few: their dimensions are looked up once for each, not for each of their hours.
  const own = [...counters, "first_at", "last_at", "sketches"].join(", ");
  return `select bucket, ${values} as "values", ${own}
    from (select ${bucket} as bucket, series_id, ${sums} from ${from} group by 1, 2) as summed join usage_series using (series_id)`;
}
