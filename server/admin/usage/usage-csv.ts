import type { CsvValue } from "../../core/csv.ts";
import type { UsageGroup } from "../../core/usage-question.ts";
import { type UsageRow, usageTotals } from "../../core/usage-schema.ts";
import { findGroupField } from "./usage-view.ts";

type Percentiles = Record<"p50" | "p95" | "p99", number | null>;

/** A percentile each: a cell holds one value. */
const columns = Object.keys(usageTotals.shape).flatMap((name) =>
  name.endsWith("_ms") ? ["p50", "p95", "p99"].map((rank) => `${name.slice(0, -3)}_${rank}_ms`) : [name],
);

/** The columns of a question's rows as CSV. */
export function listUsageColumns(groups: readonly UsageGroup[], hasBuckets: boolean): string[] {
  return [...(hasBuckets ? ["bucket"] : []), ...groups.map(findGroupField), ...columns];
}

/** A row's cells in the order of its columns. */
export function makeUsageCells(row: UsageRow, header: readonly string[]): CsvValue[] {
  const { latency_ms: latency, first_token_ms: first, ...rest } = row;
  const cells: Record<string, unknown> = { ...rest, ...flatten("latency", latency), ...flatten("first_token", first) };
  return header.map((name) => cells[name] as CsvValue);
}

function flatten(name: string, { p50, p95, p99 }: Percentiles): Record<string, number | null> {
  return { [`${name}_p50_ms`]: p50, [`${name}_p95_ms`]: p95, [`${name}_p99_ms`]: p99 };
}
