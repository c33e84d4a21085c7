import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { TimeChart } from "../../charts/time-chart.tsx";
import { formatBytes, formatMs, formatShare, formatShort } from "../../format/count.ts";
import { formatMoney, toPlotValue } from "../../format/usd.ts";
import { Checkbox } from "../../ui/field.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import { Panel, Stats } from "../../ui/page.tsx";
import { Segments } from "../../ui/segments.tsx";
import styles from "./key.module.css";
import { KeyBreakdown } from "./key-breakdown.tsx";
import { findRangeStart, listBuckets, type UsageRange, usageRanges } from "./usage-range.ts";
import { type Line, makeSeries, type UsageTotals } from "./usage-series.ts";

/** How often the figures are asked for anew while somebody looks. */
const refreshMs = 3_000;

interface Chart {
  title: string;
  lines: readonly Line[];
  format: (value: number) => string;
}

const charts: readonly Chart[] = [
  {
    title: "Requests",
    format: formatShort,
    lines: [
      { label: "requests", color: 1, empty: 0, read: (sums) => sums.requests },
      { label: "errors", color: 2, empty: 0, read: (sums) => sums.errors },
    ],
  },
  {
    title: "Cost",
    format: (value) => formatMoney(String(value)),
    lines: [{ label: "USD", color: 3, empty: 0, read: (sums) => toPlotValue(sums.cost_usd) }],
  },
  {
    title: "Tokens",
    format: formatShort,
    lines: [
      { label: "input", color: 1, empty: 0, read: (sums) => sums.input_tokens + sums.cached_input_tokens },
      { label: "output", color: 3, empty: 0, read: (sums) => sums.output_tokens + sums.reasoning_tokens },
    ],
  },
  {
    title: "Latency",
    format: formatMs,
    lines: [
      { label: "p50", color: 1, empty: null, read: (sums) => sums.latency_ms.p50 },
      { label: "p95", color: 4, empty: null, read: (sums) => sums.latency_ms.p95 },
      { label: "p99", color: 5, empty: null, read: (sums) => sums.latency_ms.p99 },
    ],
  },
  {
    title: "Time to first token",
    format: formatMs,
    lines: [
      { label: "p50", color: 1, empty: null, read: (sums) => sums.first_token_ms.p50 },
      { label: "p95", color: 4, empty: null, read: (sums) => sums.first_token_ms.p95 },
    ],
  },
  {
    title: "Bandwidth",
    format: formatBytes,
    lines: [
      { label: "in", color: 1, empty: 0, read: (sums) => sums.bytes_in },
      { label: "out", color: 3, empty: 0, read: (sums) => sums.bytes_out },
    ],
  },
];

/** What a key did, over time and by what. */
export function KeyUsage({ publicId }: { publicId: string }) {
  const [range, setRange] = useState<UsageRange>("24h");
  const [isCompared, setCompared] = useState(false);
  const from = findRangeStart(range);
  const { grain, label } = usageRanges[range];
  const usage = useQuery(
    api.usage.query.queryOptions(
      { public_id: publicId, from, grain, ...(isCompared ? { compare: "previous" } : {}) },
      { placeholderData: keepPreviousData, refetchInterval: refreshMs },
    ),
  );
  const { data } = usage;
  // A stale answer belongs to another range, whose buckets are not these.
  const shown = usage.isPlaceholderData ? undefined : data;
  const buckets = shown === undefined ? undefined : listBuckets(range, shown.range.from, shown.range.to);
  return (
    <>
      <div className={styles["controls"]}>
        <Segments
          label="Range"
          value={range}
          onChange={setRange}
          options={(Object.keys(usageRanges) as UsageRange[]).map((name) => [name, usageRanges[name].label] as const)}
        />
        <Checkbox
          label={`Compare with the ${label} before`}
          checked={isCompared}
          onChange={(event) => setCompared(event.target.checked)}
        />
      </div>
      <div className={styles["stack"]}>
        {usage.isError && (
          <FailureNotice
            error={usage.error}
            title={data === undefined ? "The usage could not be loaded" : "These figures are from an earlier answer"}
            onRetry={() => void usage.refetch()}
          />
        )}
        {!(usage.isError && data === undefined) && <Stats stats={makeStats(shown?.totals, isCompared)} />}
      </div>
      {!(usage.isError && data === undefined) && (
        <div className={styles["charts"]}>
          {charts.map((chart) => (
            <Panel key={chart.title} title={chart.title}>
              <TimeChart
                label={`${chart.title}, ${label}`}
                times={buckets?.map((at) => at / 1_000)}
                series={makeSeries(shown, buckets ?? [], chart.lines, isCompared)}
                format={chart.format}
                isStale={usage.isError}
              />
            </Panel>
          ))}
        </div>
      )}
      <KeyBreakdown publicId={publicId} from={from} />
    </>
  );
}

function makeStats(totals: UsageTotals | undefined, isCompared: boolean) {
  const previous = isCompared ? totals?.previous : undefined;
  const note = (text: string | undefined) => (text === undefined ? {} : { note: text });
  return [
    {
      label: "Requests",
      value: totals && formatShort(totals.requests),
      ...note(previous && `${formatShort(previous.requests)} before`),
    },
    {
      label: "Error rate",
      value: totals && formatShare(totals.error_rate),
      ...note(previous && `${formatShare(previous.error_rate)} before`),
    },
    {
      label: "Refused",
      value: totals && formatShort(totals.refusals),
      ...note(previous && `${formatShort(previous.refusals)} before`),
    },
    {
      label: "Cost",
      value: totals && formatMoney(totals.cost_usd),
      ...note(previous && `${formatMoney(previous.cost_usd)} before`),
    },
    { label: "Tokens in", value: totals && formatShort(totals.input_tokens + totals.cached_input_tokens) },
    { label: "Tokens out", value: totals && formatShort(totals.output_tokens + totals.reasoning_tokens) },
    {
      label: "Latency p95",
      value: totals && formatMs(totals.latency_ms.p95),
      ...note(previous && `${formatMs(previous.latency_ms.p95)} before`),
    },
  ];
}
