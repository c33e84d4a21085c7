import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import type { Series } from "../../charts/plot.ts";
import { TimeChart } from "../../charts/time-chart.tsx";
import { formatShort } from "../../format/count.ts";
import { formatMoney } from "../../format/usd.ts";
import { FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { listBuckets, type UsageRange, usageRanges } from "../key/usage-range.ts";
import { findGroupName, readMetric, type UsageRow } from "./usage-group.ts";
import { makeUsageFilter, type UsageMetric, type UsageSearch, usageMetrics } from "./usage-search.ts";

/** As often as the table beside it. */
const refreshMs = 10_000;
/** As many groups have a line of their own; the others share one. */
const linesMax = 5;
const orders = { requests: "requests", cost_usd: "cost_usd", tokens: "input_tokens", errors: "errors" } as const;

/** One measure over time, a line for each of the largest groups. */
export function UsageChart({
  search,
  range,
  by,
  metric,
  from,
}: {
  search: UsageSearch;
  range: UsageRange;
  by: string;
  metric: UsageMetric;
  from: string;
}) {
  const { grain, label } = usageRanges[range];
  const usage = useQuery(
    api.usage.query.queryOptions(
      {
        from,
        grain,
        group_by: [by],
        top: linesMax,
        order_by: orders[metric],
        percentiles: false,
        ...makeUsageFilter(search),
      },
      { placeholderData: keepPreviousData, refetchInterval: refreshMs },
    ),
  );
  const shown = usage.isPlaceholderData ? undefined : usage.data;
  const buckets = shown === undefined ? undefined : listBuckets(range, shown.range.from, shown.range.to);
  return (
    <Panel title={`${usageMetrics[metric]}, last ${label}`}>
      {usage.isError && shown === undefined ? (
        <FailureNotice error={usage.error} title="The chart could not be loaded" onRetry={() => void usage.refetch()} />
      ) : (
        <TimeChart
          label={`${usageMetrics[metric]} of the last ${label}`}
          times={buckets?.map((at) => at / 1_000)}
          series={makeLines(shown?.rows ?? [], buckets ?? [], by, metric)}
          format={metric === "cost_usd" ? (value) => formatMoney(String(value)) : formatShort}
          isStale={usage.isError}
        />
      )}
    </Panel>
  );
}

/** A line for each group, the largest first, with 0 where nothing happened. */
function makeLines(rows: readonly UsageRow[], buckets: readonly number[], by: string, metric: UsageMetric): Series[] {
  const groups = new Map<string, { sum: number; values: Map<number, number> }>();
  for (const row of rows) {
    const name = findGroupName(row, by);
    const group = groups.get(name) ?? { sum: 0, values: new Map<number, number>() };
    const value = readMetric(row, metric);
    group.sum += value;
    group.values.set(new Date(row.bucket ?? 0).getTime(), value);
    groups.set(name, group);
  }
  return [...groups]
    .sort(([, one], [, other]) => other.sum - one.sum)
    .slice(0, linesMax + 1)
    .map(([label, { values }], index) => ({
      label,
      color: ([1, 2, 3, 4, 5, 6] as const)[index] ?? 6,
      values: buckets.map((at) => values.get(at) ?? 0),
    }));
}
