import type { Outputs } from "../../app/api.ts";
import { toPlotValue } from "../../format/usd.ts";
import { type UsageGroup, type UsageMetric, usageGroups } from "./usage-search.ts";

export type UsageRow = Outputs["usage"]["query"]["rows"][number];

/** What a group is called in a table and a chart. */
export function findGroupName(row: UsageRow, by: string): string {
  if (row.other === true) return "all others";
  const field = by.startsWith("tag:") ? by : usageGroups[by as UsageGroup].field;
  const value = (row as Record<string, unknown>)[field];
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : "none";
}

/** What a chart shows of a row. */
export function readMetric(row: UsageRow, metric: UsageMetric): number {
  switch (metric) {
    case "requests":
      return row.requests;
    case "errors":
      return row.errors;
    case "cost_usd":
      return toPlotValue(row.cost_usd);
    case "tokens":
      return row.input_tokens + row.cached_input_tokens + row.output_tokens;
  }
}
