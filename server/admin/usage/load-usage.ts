import type postgres from "postgres";
import { findUsage } from "../../../db/queries/find-usage.ts";
import { makeUsageCursor, parseUsageCursor } from "../../core/usage-cursor.ts";
import { type QueryUsageInput, usageRowsMax } from "../../core/usage-question.ts";
import type { UsageAnswer } from "../../core/usage-schema.ts";
import { makeValidationError } from "../refusal.ts";
import { makeUsageRange } from "./usage-range.ts";
import { makeUsageRow, makeUsageTotals } from "./usage-view.ts";

export interface UsageSourceSettings {
  /** Milliseconds since 1970 by database time. */
  nowMs: number;
  /** As retention keeps raw events. */
  rawDays: number;
}

/**
 * Answers a question about usage, with nothing left out: whose usage may be asked for is for the caller to have settled.
 *
 * @throws AppError `validation_failed`, and PostgreSQL's `query_canceled`.
 */
export async function loadUsage(
  sql: postgres.Sql,
  { nowMs, rawDays }: UsageSourceSettings,
  input: QueryUsageInput,
): Promise<UsageAnswer> {
  const after = input.cursor === undefined ? null : parseUsageCursor(input, input.cursor);
  if (input.cursor !== undefined && after === null) {
    throw makeValidationError([{ path: "cursor", message: "must be a next_cursor of this same question" }]);
  }
  const range = makeUsageRange(input, nowMs, after);
  const groups = input.group_by ?? [];
  const found = await findUsage(sql, {
    ...range.question,
    top: input.top ?? null,
    orderBy: input.order_by ?? null,
    ascending: input.order === "asc",
    percentiles: input.percentiles ?? true,
    rawDays,
    limit: input.limit ?? usageRowsMax,
    after,
  });
  const view = {
    groups,
    starts: input.grain === undefined ? null : range.bucketStarts,
    hasPrevious: range.previous !== null,
  };
  const last = found.rows.at(-1);
  const { fromMs, toMs } = range;
  return {
    rows: found.rows.map((row) => makeUsageRow(row, view)),
    totals: {
      ...makeUsageTotals(found.total),
      ...(range.previous === null ? {} : { previous: makeUsageTotals(found.previousTotal) }),
    },
    range: makeRangeView(range),
    ...(range.previous === null ? {} : { previous_range: makeRangeView(range.previous) }),
    exact: found.isExact,
    percentiles: found.hasPercentiles,
    next_cursor:
      found.hasMore && last !== undefined
        ? makeUsageCursor(input, { fromMs, toMs, sort: last.sort, values: last.values })
        : null,
  };
}

function makeRangeView({ fromMs, toMs }: { fromMs: number; toMs: number }) {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}
