import type { UsageAnswer, UsageRow, UsageTotals } from "../../server/core/usage-schema.ts";
import { type Bar, makeBarChart } from "./bar-chart.ts";
import { type Column, makeTable } from "./table.ts";

export const chartMeasures = ["cost", "requests", "tokens"] as const;
export type ChartMeasure = (typeof chartMeasures)[number];

type Row = UsageRow | UsageTotals;

/** Rows, and the totals where there is more than one row. */
export function makeUsageTable(answer: UsageAnswer, groups: readonly string[]): string {
  const rows: Row[] = answer.rows.length > 1 ? [...answer.rows, answer.totals] : answer.rows;
  const first = groups.map((field, index) => makeGroupColumn(field, index, answer.totals));
  return makeTable(rows, [...first, ...columns, ...(answer.previous_range === undefined ? [] : changes)]);
}

/** A bar for each row. */
export function makeUsageChart(
  answer: UsageAnswer,
  groups: readonly string[],
  measure: ChartMeasure,
  terminal: { width: number; ascii: boolean },
): string {
  const bars = answer.rows.map((row): Bar => {
    const label = groups.map((field) => readGroup(row, field) ?? (row.other === true ? "other" : "-")).join("  ");
    return { label, value: measures[measure].value(row), text: measures[measure].text(row) };
  });
  return makeBarChart(bars, terminal.width, terminal.ascii);
}

const measures: Record<ChartMeasure, { value(row: Row): number; text(row: Row): string }> = {
  cost: { value: (row) => Number(row.cost_usd), text: (row) => `${row.cost_usd} USD` },
  requests: { value: (row) => row.requests, text: (row) => `${row.requests} requests` },
  tokens: { value: countTokens, text: (row) => `${countTokens(row)} tokens` },
};

function countTokens(row: Row): number {
  return countInput(row) + countOutput(row);
}

function countInput(row: Row): number {
  return row.input_tokens + row.cached_input_tokens + row.cache_write_tokens + row.input_audio_tokens;
}

function countOutput(row: Row): number {
  return row.output_tokens + row.reasoning_tokens + row.output_audio_tokens;
}

/** Instants lose what every row has alike. */
function readGroup(row: Row, field: string): string | number | null {
  const value = Object.entries(row).find(([name]) => name === field)?.[1];
  if (field === "bucket" && typeof value === "string")
    return value.replace(/(T00:00)?:00\.000Z$/, "").replace("T", " ");
  return typeof value === "string" || typeof value === "number" ? value : null;
}

function makeGroupColumn(field: string, index: number, totals: UsageTotals): Column<Row> {
  return {
    title: field.replace("_", " ").toUpperCase(),
    read: (row) => {
      if (row === totals) return index === 0 ? "all" : "";
      return readGroup(row, field) ?? ("other" in row && row.other === true ? "other" : null);
    },
  };
}

const columns: Column<Row>[] = [
  { title: "REQUESTS", read: (row) => row.requests, right: true },
  { title: "ERRORS", read: (row) => row.errors, right: true },
  { title: "REFUSED", read: (row) => row.refusals, right: true },
  { title: "INPUT", read: countInput, right: true },
  { title: "OUTPUT", read: countOutput, right: true },
  { title: "COST USD", read: (row) => row.cost_usd, right: true },
  { title: "UNPRICED", read: (row) => row.unpriced_requests, right: true },
  { title: "P50 MS", read: (row) => row.latency_ms.p50?.toFixed(0), right: true },
  { title: "P99 MS", read: (row) => row.latency_ms.p99?.toFixed(0), right: true },
  { title: "LAST USED", read: (row) => row.last_used_at?.slice(0, 19).replace("T", " ") },
];

const changes: Column<Row>[] = [
  { title: "BEFORE", read: (row) => readPrevious(row)?.requests, right: true },
  { title: "BEFORE USD", read: (row) => readPrevious(row)?.cost_usd, right: true },
  { title: "CHANGE", read: findChange, right: true },
];

function readPrevious(row: Row): UsageTotals | undefined {
  return "previous" in row ? row.previous : undefined;
}

/** Of the cost, where there was one; else of the requests. */
function findChange(row: Row): string | null {
  const previous = readPrevious(row);
  if (previous === undefined) return null;
  const [now, before] =
    Number(previous.cost_usd) > 0
      ? [Number(row.cost_usd), Number(previous.cost_usd)]
      : [row.requests, previous.requests];
  if (before === 0) return null;
  const percent = Math.round((now / before - 1) * 100);
  return `${percent > 0 ? "+" : ""}${percent} %`;
}
