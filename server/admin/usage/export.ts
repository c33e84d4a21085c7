import { streamUsage } from "../../../db/queries/stream-usage.ts";
import type { CsvValue } from "../../core/csv.ts";
import { type ExportUsageInput, exportUsageInput } from "../../core/usage-question.ts";
import type { AdminContext } from "../context.ts";
import type { StreamRoute } from "../stream-route.ts";
import { limitToOwner } from "./limit-to-owner.ts";
import { sendCsv } from "./send-csv.ts";
import { listUsageColumns, makeUsageCells } from "./usage-csv.ts";
import { makeUsageRange } from "./usage-range.ts";
import { makeUsageRow } from "./usage-view.ts";

/** Few: while they are written down nothing else runs in this process. */
const rowsAtOnce = 100;
/** `GET /admin/usage/export` */
export const exportUsage: StreamRoute<ExportUsageInput> = {
  path: "/usage/export",
  operationId: "exportUsage",
  summary: "Usage as CSV: every row, however many",
  tags: ["Usage"],
  mediaType: "text/csv",
  permission: "admin:usage",
  member: true,
  input: exportUsageInput,
  handle: (ctx, given, res) => {
    const input = limitToOwner(ctx.caller, given);
    const range = makeUsageRange(input, ctx.clock.nowMs());
    const header = listUsageColumns(input.group_by ?? [], input.grain !== undefined);
    return sendCsv(res, "usage", header, () => listRows(ctx, input, range, header));
  },
};

async function* listRows(
  ctx: AdminContext,
  input: ExportUsageInput,
  { question, bucketStarts }: ReturnType<typeof makeUsageRange>,
  header: readonly string[],
): AsyncGenerator<CsvValue[][]> {
  const view = {
    groups: input.group_by ?? [],
    starts: input.grain === undefined ? null : bucketStarts,
    hasPrevious: false,
  };
  const { rawDays } = ctx.config.usage;
  const percentiles = input.percentiles ?? true;
  for await (const rows of streamUsage(ctx.database.sql, { ...question, rawDays, percentiles }, rowsAtOnce)) {
    yield rows.map((row) =>
      makeUsageCells(makeUsageRow({ ...row, isOther: false, sort: [], previous: row.sum }, view), header),
    );
  }
}
