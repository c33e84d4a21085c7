import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { api } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import { formatCount, formatMs, formatShare, formatShort } from "../../format/count.ts";
import { formatMoney } from "../../format/usd.ts";
import { makeButtonClass } from "../../ui/button.tsx";
import { Icon } from "../../ui/icon.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import { PageHeader, Stats } from "../../ui/page.tsx";
import { findRangeStart, usageRanges } from "../key/usage-range.ts";
import type { UsageTotals } from "../key/usage-series.ts";
import styles from "./usage.module.css";
import { UsageChart } from "./usage-chart.tsx";
import { UsageFilters } from "./usage-filters.tsx";
import { makeExportUrl, makeUsageFilter } from "./usage-search.ts";
import { UsageTable } from "./usage-table.tsx";

const route = getRouteApi("/shell/usage");
/** Groups in the table; all others are one row. */
const rowsMax = 50;
/** How often the figures are asked for anew while somebody looks. */
const refreshMs = 10_000;

export function UsagePage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { isAdmin } = useSession();
  const { range = "7d", by = "key", metric = "requests" } = search;
  const from = findRangeStart(range);
  const usage = useQuery(
    api.usage.query.queryOptions(
      {
        from,
        group_by: [by],
        top: rowsMax,
        order_by: metric === "tokens" ? "input_tokens" : metric,
        ...(search.compare === true ? { compare: "previous" as const } : {}),
        ...makeUsageFilter(search),
      },
      { placeholderData: keepPreviousData, refetchInterval: refreshMs },
    ),
  );
  const hasNothing = usage.isError && usage.data === undefined;
  // Rows of another group have other fields.
  const shown = usage.isPlaceholderData ? undefined : usage.data;
  return (
    <>
      <PageHeader
        title="Usage"
        tabTitle="Usage"
        description={isAdmin ? "Every call of this gateway, summed." : "The calls of your keys, summed."}
        actions={
          <a
            className={makeButtonClass({})}
            href={makeExportUrl(from, usageRanges[range].grain, by, search)}
            download="usage.csv"
          >
            <Icon name="download" size={14} /> CSV
          </a>
        }
      />
      <UsageFilters
        search={search}
        range={range}
        by={by}
        metric={metric}
        isAdmin={isAdmin}
        onChange={(next) => {
          const kept = Object.entries(next).filter(([, value]) => value !== undefined && value !== "");
          void navigate({ search: Object.fromEntries(kept), replace: true });
        }}
      />
      <div className={styles["stack"]}>
        {usage.isError && (
          <FailureNotice
            error={usage.error}
            title={hasNothing ? "The usage could not be loaded" : "These figures are from an earlier answer"}
            onRetry={() => void usage.refetch()}
          />
        )}
        {!hasNothing && <Stats stats={makeStats(shown?.totals)} />}
        <UsageChart search={search} range={range} by={by} metric={metric} from={from} />
      </div>
      {!hasNothing && <UsageTable by={by} rows={shown?.rows} isStale={usage.isError} />}
    </>
  );
}

function makeStats(totals: UsageTotals | undefined) {
  const before = totals?.previous;
  const note = (text: string | undefined) => (text === undefined ? {} : { note: `${text} before` });
  return [
    {
      label: "Requests",
      value: totals && formatCount(totals.requests),
      ...note(before && formatCount(before.requests)),
    },
    {
      label: "Error rate",
      value: totals && formatShare(totals.error_rate),
      ...note(before && formatShare(before.error_rate)),
    },
    {
      label: "Refused",
      value: totals && formatCount(totals.refusals),
      ...note(before && formatCount(before.refusals)),
    },
    { label: "Cost", value: totals && formatMoney(totals.cost_usd), ...note(before && formatMoney(before.cost_usd)) },
    {
      label: "Tokens in, out",
      value:
        totals &&
        `${formatShort(totals.input_tokens + totals.cached_input_tokens)}, ${formatShort(totals.output_tokens)}`,
    },
    {
      label: "Latency p95",
      value: totals && formatMs(totals.latency_ms.p95),
      ...note(before && formatMs(before.latency_ms.p95)),
    },
  ];
}
