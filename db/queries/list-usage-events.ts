import type postgres from "postgres";
import { joinSpans, type Span } from "../../server/core/usage-plan.ts";
import { Statement } from "../statement.ts";
import { listUnmergedSpans } from "./list-unmerged-spans.ts";
import { parseUsageEventRow, type StoredEvent, type UsageEventRow, usageEventColumns } from "./usage-event-row.ts";
import { makeFilterText, type UsageFilter } from "./usage-filter.ts";

export interface EventPage {
  from: Date | null;
  /** Exclusive. */
  to: Date | null;
  /** The last event of the page before. */
  before: { atMs: number; id: string } | null;
  limit: number;
}

const hourMs = 3_600_000;
const timeoutMs = 30_000;
/** Hours that are looked through at once. */
const spansAtOnce = 8;

/**
 * Lists raw events, newest first. Hours of the rollups say where events of a filter can be, so that a key with few calls is
 * found without reading everybody's; what is not merged is looked through.
 *
 * @throws PostgreSQL's `query_canceled` (57014) after 30 s.
 */
export async function listUsageEvents(sql: postgres.Sql, filter: UsageFilter, page: EventPage): Promise<StoredEvent[]> {
  return await sql.begin("isolation level repeatable read read only", async (transaction) => {
    await transaction`select set_config('statement_timeout', ${String(timeoutMs)}, true)`;
    if (Object.values(filter).every((value) => value === undefined))
      return await listIn(transaction, filter, page, null);
    const events: StoredEvent[] = [];
    const spans = await listPossibleSpans(transaction, filter, page);
    for (let start = 0; start < spans.length && events.length < page.limit; start += spansAtOnce) {
      const some = spans.slice(start, start + spansAtOnce);
      events.push(...(await listIn(transaction, filter, { ...page, limit: page.limit - events.length }, some)));
    }
    return events;
  });
}

/** Spans that hold an event of the filter, as far as is known, newest first: enough for the page, or all. */
async function listPossibleSpans(
  transaction: postgres.TransactionSql,
  filter: UsageFilter,
  page: EventPage,
): Promise<Span[]> {
  const fromMs = page.from?.getTime() ?? 0;
  const toMs = Math.min(
    page.to?.getTime() ?? Number.POSITIVE_INFINITY,
    page.before === null ? Number.POSITIVE_INFINITY : page.before.atMs + 1,
  );
  const statement = new Statement();
  const instant = (ms: number) => statement.value(new Date(ms).toISOString(), "timestamptz");
  const rows = await statement.run<{ hour_ms: string }>(
    transaction,
    `select distinct extract(epoch from hour) * 1000 as hour_ms from usage_hour
    where series_id in (select series_id from usage_series where true ${makeFilterText(statement, filter)})
      and hour >= ${instant(Math.floor(fromMs / hourMs) * hourMs)} ${Number.isFinite(toMs) ? `and hour < ${instant(toMs)}` : ""} and requests > 0
    order by hour_ms desc limit ${statement.value(page.limit, "int")}`,
  );
  const hours = rows.map(({ hour_ms: hour }) => ({ fromMs: Number(hour), toMs: Number(hour) + hourMs }));
  // Each hour holds one at least; what lies before the last of them is for the next page.
  const sinceMs = rows.length < page.limit ? fromMs : Math.min(...hours.map((hour) => hour.fromMs));
  const unmerged = await listUnmergedSpans(transaction, { fromMs: sinceMs, toMs });
  return joinSpans(
    [...hours, ...unmerged.flatMap(cutToHours)].filter((span) => span.toMs > sinceMs),
    Number.POSITIVE_INFINITY,
  ).reverse();
}

/** Hour by hour, so that the newest ones can be looked through alone. */
function cutToHours({ fromMs, toMs }: Span): Span[] {
  const first = Math.floor(fromMs / hourMs);
  return Array.from({ length: Math.ceil(toMs / hourMs) - first }, (_, index) => ({
    fromMs: (first + index) * hourMs,
    toMs: (first + index + 1) * hourMs,
  }));
}

async function listIn(
  transaction: postgres.TransactionSql,
  filter: UsageFilter,
  page: EventPage,
  spans: readonly Span[] | null,
): Promise<StoredEvent[]> {
  const statement = new Statement();
  const instant = (at: number) => statement.value(new Date(at).toISOString(), "timestamptz");
  const { from, to, before, limit } = page;
  const conditions = [
    ...(from === null ? [] : [`at >= ${instant(from.getTime())}`]),
    ...(to === null ? [] : [`at < ${instant(to.getTime())}`]),
    // The first part is for the partitions, the second for the index.
    ...(before === null
      ? []
      : [
          `at <= ${instant(before.atMs)} and (at, id) < (${instant(before.atMs)}, ${statement.value(before.id, "uuid")})`,
        ]),
  ];
  const where = `${["true", ...conditions].join(" and ")} ${makeFilterText(statement, filter)}`;
  const count = statement.value(limit, "int");
  const newest = `order by at desc, id desc limit ${count}`;
  const text =
    spans === null
      ? `select ${usageEventColumns} from usage_event where ${where} ${newest}`
      : `select ${usageEventColumns} from (values ${spans.map(({ fromMs, toMs }) => `(${instant(fromMs)}, ${instant(toMs)})`).join(", ")}) as span (first, last)
        cross join lateral (select * from usage_event where at >= first and at < last and ${where} ${newest}) as event ${newest}`;
  return (await statement.run<UsageEventRow>(transaction, text)).map(parseUsageEventRow);
}
