import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { findSpentShare, formatCap, formatMoney } from "../../format/usd.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Meter } from "../../ui/meter.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import styles from "./limits.module.css";
import { ResetDialog } from "./reset-dialog.tsx";
import { TopUpDialog, type WindowView } from "./top-up-dialog.tsx";

/** Budgets in their present periods: what is spent, and what an admin can do about it. */
export function WindowList() {
  const [open, setOpen] = useState<{ kind: "top-up" | "reset"; budget: WindowView } | null>(null);
  const list = useInfiniteQuery(
    api.limits.listWindows.infiniteQueryOptions({}, { getNextPageParam: (page) => page.next_cursor ?? undefined }),
  );
  const windows = list.data?.pages.flatMap((page) => page.windows);
  const columns: Column<WindowView>[] = [
    {
      id: "subject",
      header: "Budget",
      render: ({ level, subject, period }) => (
        <>
          {level} <code>{subject}</code> / {period}
        </>
      ),
    },
    {
      id: "spend",
      header: "Spent",
      render: (one) => (
        <Meter
          label={`Budget of ${one.level} ${one.subject}`}
          share={findSpentShare(one)}
          used={formatMoney(one.spent_usd)}
          cap={formatCap(one)}
        />
      ),
    },
    {
      id: "state",
      header: "State",
      priority: "medium",
      render: ({ state }) => (
        <Badge tone={state === "exhausted" ? "bad" : state === "open" ? "good" : "neutral"}>{state}</Badge>
      ),
    },
    {
      id: "resets",
      header: "Begins anew",
      priority: "low",
      render: (one) => <RelativeTime at={one.resets_at} />,
    },
    {
      id: "do",
      header: "",
      align: "end",
      render: (one) =>
        one.state === "closed" ? null : (
          <div className={styles["actions"]}>
            <Button size="small" onClick={() => setOpen({ kind: "top-up", budget: one })}>
              Top up
            </Button>
            <Button size="small" onClick={() => setOpen({ kind: "reset", budget: one })}>
              Reset
            </Button>
          </div>
        ),
    },
  ];
  return (
    <Panel title="Budgets in their periods">
      {list.isError ? (
        <FailureNotice error={list.error} title="Budgets could not be loaded" onRetry={() => void list.refetch()} />
      ) : (
        <DataTable
          label="Budgets in their periods"
          columns={columns}
          rows={windows}
          getId={(one) => one.window_id}
          skeletonRows={3}
          empty={
            <EmptyState icon="gauge" title="No budget is in use">
              A budget shows here from its first call on. Give one to a key, or write one into the config file.
            </EmptyState>
          }
        />
      )}
      {list.hasNextPage && (
        <Button isBusy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          Show more
        </Button>
      )}
      {open?.kind === "top-up" && <TopUpDialog budget={open.budget} onClose={() => setOpen(null)} />}
      {open?.kind === "reset" && <ResetDialog budget={open.budget} onClose={() => setOpen(null)} />}
    </Panel>
  );
}
