import { listUsageEvents } from "../../../db/queries/list-usage-events.ts";
import type { CsvValue } from "../../core/csv.ts";
import { type EventView, type ExportEventsInput, eventView, exportEventsInput } from "../../core/event-schema.ts";
import type { AdminContext } from "../context.ts";
import type { StreamRoute } from "../stream-route.ts";
import { makeEventFilter, makeEventView } from "./event-view.ts";
import { limitToOwner } from "./limit-to-owner.ts";
import { sendCsv } from "./send-csv.ts";

/** Few: while they are written down nothing else runs in this process. */
const rowsAtOnce = 200;
const columns = Object.keys(eventView.shape) as (keyof EventView)[];

/** `GET /admin/events/export` */
export const exportEvents: StreamRoute<ExportEventsInput> = {
  path: "/events/export",
  operationId: "exportEvents",
  summary: "Single calls as CSV, newest first",
  tags: ["Usage"],
  mediaType: "text/csv",
  permission: "admin:usage",
  member: true,
  input: exportEventsInput,
  handle: (ctx, given, res) => {
    const input = limitToOwner(ctx.caller, given);
    return sendCsv(res, "events", columns, () => listPages(ctx, input));
  },
};

/** Each page is a question of its own, from where the last one ended: no transaction waits for the reader. */
async function* listPages(ctx: AdminContext, { from, to, ...filter }: ExportEventsInput): AsyncGenerator<CsvValue[][]> {
  let before: { atMs: number; id: string } | null = null;
  for (;;) {
    const page: Awaited<ReturnType<typeof listUsageEvents>> = await listUsageEvents(
      ctx.database.sql,
      makeEventFilter(filter),
      { from: from ?? null, to: to ?? null, before, limit: rowsAtOnce },
    );
    yield page.map((event) => makeValues(makeEventView(event)));
    const last = page.at(-1);
    if (last === undefined || page.length < rowsAtOnce) return;
    before = last;
  }
}

function makeValues(event: EventView): CsvValue[] {
  return columns.map((column) => {
    const value = event[column];
    return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
  });
}
