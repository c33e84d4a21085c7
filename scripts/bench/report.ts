import { type Bar, bars, verdict } from "./bars.ts";
import type { MeasureResult } from "./measures/measure.ts";
import { type Summary, summary } from "./statistics.ts";

export interface Report {
  readonly command: string;
  readonly machine: readonly (readonly [string, string])[];
  readonly conditions: readonly string[];
  readonly results: readonly MeasureResult[];
  /** Measures that threw, each with its message. */
  readonly failures: readonly string[];
}

export interface BarRow {
  readonly bar: Bar;
  readonly summary: Summary | undefined;
  /** `ambitious`, `realistic`, `MISS`, `not yet` or `not measured`. */
  readonly verdict: string;
}

/** Each bar with its figure, in the order of the table of bars. */
export function listBarRows(results: readonly MeasureResult[]): BarRow[] {
  return bars.map((bar) => {
    const values = results.map((result) => result.bars[bar.id]).find((found) => found !== undefined);
    if (values === undefined)
      return { bar, summary: undefined, verdict: bar.notYet === undefined ? "not measured" : "not yet" };
    const figure = summary(values);
    return { bar, summary: figure, verdict: verdict(bar, figure.median) };
  });
}

/** The whole report as Markdown. */
export function makeReport(report: Report): string {
  const setups = Object.assign({}, ...report.results.map((result) => result.setups)) as Record<string, string>;
  const notes = [...new Set([...report.failures, ...report.results.flatMap((result) => result.notes)])];
  return [
    "# Bench results",
    "",
    `Written by \`${report.command}\`. The verdict is on the median of the rounds, with no allowance for noise: PASS names the`,
    "best column that it reaches.",
    "",
    "## Bars",
    table(
      ["bar", "median", "min", "max", "rounds", "realistic", "ambitious", "verdict"],
      listBarRows(report.results).map(barCells),
    ),
    "",
    "## Machine and versions",
    table(["what", "value"], report.machine),
    "",
    "## How it was measured",
    ...report.conditions.map((line) => `* ${line}`),
    "",
    "## What was on and off",
    table(["subject", "setup"], Object.entries(setups)),
    "",
    "## Every figure",
    table(
      ["figure", "median", "min", "max", "rounds"],
      report.results.flatMap((result) =>
        result.info.map(({ what, unit, values }) => [what, ...figureCells(summary(values), unit)]),
      ),
    ),
    ...(notes.length === 0 ? [] : ["", "## Notes", ...notes.map((note) => `* ${note.replaceAll("\n", " ")}`)]),
    "",
  ].join("\n");
}

/** The cells of one bar, for the Markdown table and the terminal alike. */
export function barCells({ bar, summary: figure, verdict: word }: BarRow): string[] {
  const sign = bar.better === "lower" ? "<=" : ">=";
  const limits = [
    `${sign} ${formatFigure(bar.realistic, bar.unit)}`,
    `${sign} ${formatFigure(bar.ambitious, bar.unit)}`,
  ];
  if (figure === undefined)
    return [bar.title, "", "", "", "", ...limits, word === "not yet" ? `not yet: ${bar.notYet}` : word];
  return [bar.title, ...figureCells(figure, bar.unit), ...limits, word === "MISS" ? "MISS" : `PASS (${word})`];
}

function figureCells(figure: Summary, unit: string): string[] {
  const { median, min, max, count } = figure;
  return [...[median, min, max].map((value) => formatFigure(value, unit)), String(count)];
}

/** A value with its unit and three significant digits, thousands as they are. */
export function formatFigure(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = value.toFixed(digits).replace(/\B(?=(\d{3})+$)/g, ",");
  return unit === "x" || unit === "%" || unit.startsWith("/") ? `${text}${unit}` : `${text} ${unit}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
