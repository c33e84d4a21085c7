import type { UsagePiece, UsagePieces } from "./usage-pieces.ts";

/** What is counted, in events and in rollups alike. Money is nano-USD. */
export const usageCounters = [
  "requests",
  "errors",
  "refusals",
  "input_tokens",
  "cached_input_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
  "input_audio_tokens",
  "output_audio_tokens",
  "cost_nano_usd",
  "unpriced_requests",
  "bytes_in",
  "bytes_out",
] as const;
export type UsageCounter = (typeof usageCounters)[number];

/** What is no column of an event, or not as it is. */
const ofEvent: Partial<Record<UsageCounter, string>> = {
  requests: "count(*)",
  errors: "count(*) filter (where status >= 400)",
  refusals: "0",
  unpriced_requests: "count(*) filter (where cost_nano_usd is null)",
};

/** `sum(…) as …` of every counter, and the first and the last use. */
export const usageSumsText = makeSums((counter) => `sum(${counter})`, "min(first_at)", "max(last_at)");

function makeSums(make: (counter: UsageCounter) => string, first: string, last: string): string {
  return [
    ...usageCounters.map((counter) => `${make(counter)} as ${counter}`),
    `${first} as first_at`,
    `${last} as last_at`,
  ].join(", ");
}

const sumsByKind: Record<UsagePiece["kind"], string> = {
  series: usageSumsText,
  keyed: usageSumsText,
  raw: makeSums((counter) => ofEvent[counter] ?? `sum(${counter})`, "min(at)", "max(at)"),
  refused: makeSums(
    (counter) => (counter === "refusals" ? "sum(refusals)" : "0"),
    "null::timestamptz",
    "null::timestamptz",
  ),
  refusal: makeSums(
    (counter) => (counter === "refusals" ? "sum(refusals)" : "0"),
    "null::timestamptz",
    "null::timestamptz",
  ),
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
  const own = [...usageCounters, "first_at", "last_at"].join(", ");
  return `select bucket, ${values} as "values", ${own}
    from (select ${bucket} as bucket, series_id, ${sums} from ${from} group by 1, 2) as summed join usage_series using (series_id)`;
}
