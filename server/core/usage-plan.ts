/** What a span is read from. */
export type UsageSourceTable = "day" | "hour" | "raw";

/** Milliseconds since 1970, from `fromMs` up to and without `toMs`. */
export interface Span {
  fromMs: number;
  toMs: number;
}

export interface UsageSpan extends Span {
  source: UsageSourceTable;
}

export interface UsagePlanInput extends Span {
  /** Instants that no state may lie across: where buckets begin. Ascending. */
  cuts: readonly number[];
  /** Raw events of this instant and later are kept. Older ones may be, but nothing relies on it. */
  rawSinceMs: number;
  /** Hours of this instant and later are kept; days always are. */
  hoursSinceMs: number;
  /** Nothing but raw events tells it: minutes, networks of clients. */
  rawOnly: boolean;
  /** Whether a UTC day, as days since 1970, holds all that its hours hold. */
  isDayReady(day: number): boolean;
}

export interface UsagePlan {
  /** They tile the range, in order. Where it is not exact, an hour or day counts where it begins. */
  spans: readonly UsageSpan[];
  /** False where a cut lies in an hour whose raw events are gone, or in a day whose hours are. */
  isExact: boolean;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Says what each part of a range is read from, so that as few rows as possible are: a UTC day in one bucket from days, an
 * hour in one bucket from hours, and only an hour that a bucket or the range begins or ends in from raw events. It does not
 * know of parts that are not merged: their events are read beside it.
 */
export function makeUsagePlan(input: UsagePlanInput): UsagePlan {
  const { fromMs, toMs, cuts, rawSinceMs, rawOnly } = input;
  if (rawOnly) return { spans: [{ source: "raw", fromMs, toMs }], isExact: fromMs >= rawSinceMs };
  const spans: UsageSpan[] = [];
  let isExact = true;
  let next = 0;
  /** The first cut after an instant; asked in ascending order. */
  const findCut = (atMs: number): number => {
    while (next < cuts.length && (cuts[next] as number) <= atMs) next++;
    return cuts[next] ?? Number.POSITIVE_INFINITY;
  };
  const add = (source: UsageSourceTable, startMs: number, endMs: number): void => {
    const last = spans.at(-1);
    if (last?.source === source) last.toMs = endMs;
    else spans.push({ source, fromMs: startMs, toMs: endMs });
  };
  for (let atMs = fromMs; atMs < toMs; ) {
    const cutMs = Math.min(findCut(atMs), toMs);
    const day = Math.floor(atMs / dayMs);
    if (atMs === day * dayMs && atMs + dayMs <= cutMs && input.isDayReady(day)) {
      add("day", atMs, atMs + dayMs);
      atMs += dayMs;
      continue;
    }
    if (atMs < input.hoursSinceMs) {
      const dayEndMs = (day + 1) * dayMs;
      if (atMs !== day * dayMs || dayEndMs > cutMs) isExact = false;
      add("day", atMs, Math.min(dayEndMs, toMs));
      atMs = dayEndMs;
      continue;
    }
    const hourEndMs = Math.floor(atMs / hourMs) * hourMs + hourMs;
    const isWhole = atMs === hourEndMs - hourMs && hourEndMs <= cutMs;
    const isRaw = !isWhole && atMs >= rawSinceMs;
    if (!isWhole && !isRaw) isExact = false;
    const endMs = Math.min(isRaw ? cutMs : hourEndMs, hourEndMs, toMs);
    add(isRaw ? "raw" : "hour", atMs, endMs);
    atMs = endMs;
  }
  return { spans, isExact };
}

/**
 * Joins spans that meet or overlap, and then those nearest to each other until there are at most `countMax`.
 *
 * @returns them in order; they cover at least what was given.
 */
export function joinSpans(spans: readonly Span[], countMax: number): Span[] {
  const joined: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1);
    if (last !== undefined && span.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, span.toMs);
    else joined.push({ ...span });
  }
  while (joined.length > countMax) {
    let nearest = 1;
    const gap = (index: number) => (joined[index] as Span).fromMs - (joined[index - 1] as Span).toMs;
    for (let index = 2; index < joined.length; index++) if (gap(index) < gap(nearest)) nearest = index;
    (joined[nearest - 1] as Span).toMs = (joined[nearest] as Span).toMs;
    joined.splice(nearest, 1);
  }
  return joined;
}
