import { streamUsage } from "../../../db/queries/stream-usage.ts";
import type { CsvValue } from "../../core/csv.ts";
import { type ExportUsageInput, exportUsageInput } from "../../core/usage-question.ts";
import { usageTotals } from "../../core/usage-schema.ts";
import type { AdminContext } from "../context.ts";
import type { StreamRoute } from "../stream-route.ts";
import { limitToOwner } from "./limit-to-owner.ts";
import { sendCsv } from "./send-csv.ts";
import { makeUsageRange } from "./usage-range.ts";
import { findGroupField, makeUsageRow } from "./usage-view.ts";

/** Few: while they are written down nothing else runs in this process. */
const rowsAtOnce = 100;
/** A percentile each: a cell holds one value. */
const columns = Object.keys(usageTotals.shape).flatMap((name) =>
  name.endsWith("_ms") ? ["p50", "p95", "p99"].map((rank) => `${name.slice(0, -3)}_${rank}_ms`) : [name],
);

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
    const header = [
      ...(input.grain === undefined ? [] : ["bucket"]),
      ...(input.group_by ?? []).map(findGroupField),
      ...columns,
    ];
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
    yield rows.map((row) => {
      const {
        latency_ms: latency,
        first_token_ms: first,
        ...cells
      } = makeUsageRow({ ...row, isOther: false, sort: [], previous: row.sum }, view);
      const all: Record<string, unknown> = {
        ...cells,
        ...flatten("latency", latency),
        ...flatten("first_token", first),
      };
      return header.map((name) => all[name] as CsvValue);
    });
  }
}

function flatten(name: string, { p50, p95, p99 }: Record<"p50" | "p95" | "p99", number | null>) {
  return { [`${name}_p50_ms`]: p50, [`${name}_p95_ms`]: p95, [`${name}_p99_ms`]: p99 };
}
