/** What tells two series of usage apart; the columns of `usage_series` and, but for tags that may be null, of `usage_event`. */
export const dimensions = [
  "public_id",
  "owner_id",
  "model",
  "provider",
  "endpoint",
  "status",
  "code",
  "origin",
  "key_tags",
] as const;

/** Columns of hours and days that are sums. */
export const counters = [
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

export const sketches = ["latency", "first_token"] as const;

/** All states of a row of hours or days, in the order of {@link eventStates} and {@link mergedStates}. */
const states = [...counters, "first_at", "last_at", ...sketches];
export const stateNames = states.join(", ");

/** Past this many elements a sketch is put in order: each bucket once. A day of calls has some 400 buckets that are not empty. */
const sketchElementsMax = 1_024;
/** The same for days and above, which are written once and read often. */
const sketchElementsTidy = 256;

const summed = (name: string): string => `coalesce(sum(e.${name}), 0)::bigint`;

/** {@link states} of the rows of `usage_event e` of a group. */
export const eventStates = [
  "count(*)",
  "count(*) filter (where e.status >= 400)",
  "0::bigint",
  ...counters.slice(3, 10).map(summed),
  summed("cost_nano_usd"),
  "count(*) - count(e.cost_nano_usd)",
  summed("bytes_in"),
  summed("bytes_out"),
  "min(e.at)",
  "max(e.at)",
  "array_agg(2048 + find_usage_bucket(e.latency_ms))",
  "coalesce(array_agg(2048 + find_usage_bucket(e.first_token_ms)) filter (where e.first_token_ms is not null), '{}')",
].join(", ");

/** {@link states} of the rows `r` of a rollup, summed. Tidy sketches through {@link tidyStates}. */
export const mergedStates = [
  ...counters.map((name) => `sum(r.${name})::bigint as ${name}`),
  "min(r.first_at) as first_at",
  "max(r.last_at) as last_at",
  ...sketches.map((name) => `concat_usage_sketch(r.${name}) as ${name}`),
].join(", ");

/** {@link states} of rows `t`, long sketches in order. */
export const tidyStates = [
  ...counters.map((name) => `t.${name}`),
  "t.first_at",
  "t.last_at",
  ...sketches.map(
    (name) =>
      `case when cardinality(t.${name}) > ${sketchElementsTidy} then compact_usage_sketch(t.${name}) else t.${name} end`,
  ),
].join(", ");

/** The `set` list that adds what is to be inserted to the row `h` that is there. */
export const addStates = [
  ...counters.map((name) => `${name} = h.${name} + excluded.${name}`),
  "first_at = least(h.first_at, excluded.first_at)",
  "last_at = greatest(h.last_at, excluded.last_at)",
  ...sketches.map(
    (name) =>
      `${name} = case when cardinality(h.${name}) + cardinality(excluded.${name}) <= ${sketchElementsMax}` +
      ` then h.${name} || excluded.${name} else compact_usage_sketch(h.${name} || excluded.${name}) end`,
  ),
].join(", ");

/** The dimensions of a row of this alias, as a list. */
export function listDimensions(alias: string): string {
  return dimensions
    .map((name) => (name === "key_tags" ? `coalesce(${alias}.key_tags, '{}')` : `${alias}.${name}`))
    .join(", ");
}

/**
 * Finds a row's series by the hash of its dimensions, and compares them all: anybody can make two hashes collide. `is true`
 * keeps the planner from hashing each of them once more, and from taking their selectivities for independent.
 */
export function matchSeries(alias: string): string {
  const values = listDimensions(alias);
  const columns = dimensions.map((name) => `s.${name}`).join(", ");
  return `s.dims_hash = hash_record_extended(row(${values}), 0) and ((${columns}) = (${values})) is true`;
}

/** The UTC hour of an instant; `date_trunc` with a zone takes four times as long. */
export const hourOf = (instant: string): string => `date_bin('1 hour', ${instant}, timestamptz 'epoch')`;
