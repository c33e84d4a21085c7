import type { Outputs } from "../../app/api.ts";
import type { Series } from "../../charts/plot.ts";

type UsageAnswer = Outputs["usage"]["query"];
export type UsageTotals = UsageAnswer["totals"];
type Sums = NonNullable<UsageAnswer["rows"][number]["previous"]>;

/** A line of a chart: how it is read from the sums of a bucket. */
export interface Line {
  label: string;
  color: Series["color"];
  read: (sums: Sums) => number | null;
  /** What a bucket without calls has. */
  empty: 0 | null;
}

/** Values of lines in every bucket; with the range before as dashed lines, where it was asked for. */
export function makeSeries(
  answer: UsageAnswer | undefined,
  buckets: readonly number[],
  lines: readonly Line[],
  withPrevious: boolean,
): Series[] {
  const rows = new Map(answer?.rows.map((row) => [new Date(row.bucket ?? 0).getTime(), row]));
  const read = (line: Line, find: (at: number) => Sums | undefined): (number | null)[] =>
    buckets.map((at) => {
      const sums = find(at);
      return sums === undefined ? line.empty : line.read(sums);
    });
  return lines.flatMap((line, index): Series[] => {
    const { label, color } = line;
    const now: Series = { label, color, values: read(line, (at) => rows.get(at)) };
    if (!withPrevious || index > 0) return [now];
    return [now, { label: "before", color: 6, isPrevious: true, values: read(line, (at) => rows.get(at)?.previous) }];
  });
}
