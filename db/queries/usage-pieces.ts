import { joinSpans, type Span, type UsageSpan } from "../../server/core/usage-plan.ts";
import type { UsageGroup } from "../../server/core/usage-question.ts";
import type { Statement } from "../statement.ts";
import { isFilterWithin, makeFilterText, makeGroupsText, type UsageFilter } from "./usage-filter.ts";

/** What is read, once it is known from where. */
export interface UsageReading {
  filter: UsageFilter;
  groups: readonly UsageGroup[];
  /** Where buckets begin, in milliseconds since 1970, ascending; the first one's beginning is the range's. */
  starts: readonly number[];
  /** They tile the range. */
  spans: readonly UsageSpan[];
  /** Hours before this instant are no part of their day, but beside it. */
  hoursSinceMs: number;
  /** Where events lie that hours and days do not hold yet. */
  unmerged: readonly Span[];
  hasUnmergedRefusals: boolean;
  /** Refusals are counted by the hour: what tells minutes or networks apart leaves them out. */
  rawOnly: boolean;
}

/** A source of rows, as text. */
export interface UsagePiece {
  /**
   * `series`: sums whose dimensions a series holds. `keyed`: sums with their own dimensions. `raw`: events. `refused`: of a
   * series, only the refusals. `refusal`: refusals that are not merged. `adjustment`: events once more for each adjustment.
   */
  kind: "series" | "keyed" | "raw" | "refused" | "refusal" | "adjustment";
  /** `TABLE where …` */
  from: string;
  /** The number of the bucket, from 1 on. */
  bucket: string;
}

export interface UsagePieces {
  /** Together they hold each call of the range once. */
  pieces: readonly UsagePiece[];
  /** The group values of a row, as an array. */
  values: string;
  /** The filter's conditions, each after an `and`. */
  conditions: string;
}

/** What is torn into more is read in wider spans; each row says itself whether it counts. */
const unmergedSpansMax = 16;

/** @param measured only what has a latency: neither refusals nor adjustments. */
export function listUsagePieces(statement: Statement, reading: UsageReading, measured = false): UsagePieces {
  const { filter, groups, spans, starts } = reading;
  const conditions = makeFilterText(statement, filter);
  const bounds = `{${starts.map((ms) => `"${new Date(ms).toISOString()}"`).join(",")}}`;
  const boundsText = starts.length === 1 ? "" : statement.value(bounds, "timestamptz[]");
  const bucket = (at: string) => (starts.length === 1 ? "1" : `width_bucket(${at}, ${boundsText})`);
  const pieces: UsagePiece[] = [];
  const add = (kind: UsagePiece["kind"], from: string, at: string) => pieces.push({ kind, from, bucket: bucket(at) });
  const of = (source: UsageSpan["source"]) => spans.filter((span) => span.source === source);
  const [days, hours, raws] = [of("day"), of("hour"), of("raw")];
  const ofSeries =
    conditions === "" ? "" : `and series_id in (select series_id from usage_series where true ${conditions})`;

  if (days.length > 0) {
    const where = `where ${makeDaysText(statement, days)}`;
    const at = "day::timestamp at time zone 'UTC'";
    if (isOfKeys(reading)) add("keyed", `usage_day_key ${where} ${conditions}`, at);
    else add("series", `usage_day ${where} ${ofSeries}`, at);
  }
  if (hours.length > 0)
    add("series", `usage_hour where ${makeSpansText(statement, "hour", hours)} ${ofSeries}`, "hour");
  if (raws.length > 0) add("raw", `usage_event where ${makeSpansText(statement, "at", raws)} ${conditions}`, "at");
  if (raws.length > 0 && !measured) {
    // Hours and days hold them already, and no event has one before it is merged.
    const adjusted = `(select e.*, a.delta_nano_usd, a.was_unpriced
      from usage_adjustment a join usage_event e on e.at = a.at and e.id = a.event_id) as adjusted`;
    add("adjustment", `${adjusted} where ${makeSpansText(statement, "at", raws)} ${conditions}`, "at");
  }
  const rolled = [...days, ...hours];
  const unmerged = joinSpans(cutSpans(reading.unmerged, rolled), unmergedSpansMax);
  if (unmerged.length > 0) {
    const where = `${makeSpansText(statement, "at", unmerged)} and ${makeSpansText(statement, "at", rolled)}`;
    const parts = "select part_id from usage_part where merged_at is null";
    add("raw", `usage_event where ${where} and part_id in (${parts}) ${conditions}`, "at");
  }
  if (!reading.rawOnly && !measured) {
    // No event tells of a refusal. In an hour that is read from events, refusals count where the hour begins.
    if (raws.length > 0) {
      add("refused", `usage_hour where ${makeSpansText(statement, "hour", raws)} and refusals > 0 ${ofSeries}`, "hour");
    }
    if (reading.hasUnmergedRefusals) {
      const refusal = "(select *, '' as provider from usage_refusal where merged_at is null) as refusal";
      add("refusal", `${refusal} where ${makeSpansText(statement, "hour", spans)} ${conditions}`, "hour");
    }
  }
  return { pieces, values: makeGroupsText(statement, groups), conditions };
}

/** A table of days knows keys and owners alone, and is many times smaller. */
function isOfKeys({ groups, filter }: UsageReading): boolean {
  return (
    groups.every((group) => group === "key" || group === "owner") &&
    isFilterWithin(filter, ["publicId", "publicIds", "ownerId"])
  );
}

function makeSpansText(statement: Statement, column: string, spans: readonly Span[]): string {
  const instant = (ms: number) => statement.value(new Date(ms).toISOString(), "timestamptz");
  const texts = joinSpans(spans, spans.length).map(
    ({ fromMs, toMs }) => `(${column} >= ${instant(fromMs)} and ${column} < ${instant(toMs)})`,
  );
  return `(${texts.join(" or ")})`;
}

/** Days that begin in the spans. */
function makeDaysText(statement: Statement, spans: readonly Span[]): string {
  const day = (ms: number) =>
    statement.value(new Date(Math.ceil(ms / dayMs) * dayMs).toISOString().slice(0, 10), "date");
  const texts = spans.map(({ fromMs, toMs }) => `(day >= ${day(fromMs)} and day < ${day(toMs)})`);
  return `(${texts.join(" or ")})`;
}

const dayMs = 86_400_000;

/** The parts of spans that lie in others. */
function cutSpans(spans: readonly Span[], others: readonly Span[]): Span[] {
  return spans.flatMap((span) =>
    others
      .map(({ fromMs, toMs }) => ({ fromMs: Math.max(span.fromMs, fromMs), toMs: Math.min(span.toMs, toMs) }))
      .filter(({ fromMs, toMs }) => fromMs < toMs),
  );
}
