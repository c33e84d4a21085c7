import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { Icon } from "../../ui/icon.tsx";
import { EmptyState, FailureNotice, Notice } from "../../ui/notice.tsx";
import { PageHeader } from "../../ui/page.tsx";
import { TypedInput } from "../../ui/typed-input.tsx";
import styles from "../usage/usage.module.css";
import { makeActivityColumns } from "./activity-columns.tsx";
import { type ActivitySearch, makeEventFilter } from "./activity-search.ts";
import { CallDialog } from "./call-dialog.tsx";
import { type Call, type LiveState, useLiveEvents } from "./use-live-events.ts";

const route = getRouteApi("/shell/activity");
const pageSize = 50;
const fields = [
  ["key", "Public id of a key", "key"],
  ["model", "Model", "model"],
  ["status", "Status, like 429 or 5xx", "status"],
  ["code", "Code, like upstream_error", "code"],
] as const;
const liveWords: Record<LiveState, string> = {
  off: "Paused",
  opening: "Connecting …",
  live: "Live",
  lost: "Not connected",
};

/** Single calls, newest first, with those that come in while somebody looks. */
export function ActivityPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { isAdmin } = useSession();
  const [isPaused, setPaused] = useState(false);
  const [opened, setOpened] = useState<Call | null>(null);
  const filter = makeEventFilter(search);
  const isFirstPage = search.cursor === undefined;
  const live = useLiveEvents(new URLSearchParams(filter).toString(), isFirstPage && !isPaused);
  const list = useQuery(
    api.usage.events.queryOptions(
      { limit: pageSize, ...filter, ...(isFirstPage ? {} : { cursor: search.cursor }) },
      { placeholderData: keepPreviousData },
    ),
  );
  const stored = list.data?.events;
  const known = new Set(live.calls.map(({ id }) => id));
  const calls =
    stored === undefined || !isFirstPage
      ? stored
      : [...live.calls, ...stored.filter(({ id }) => !known.has(id))].sort((one, other) =>
          other.at.localeCompare(one.at),
        );
  const go = (next: { [Name in keyof ActivitySearch]?: ActivitySearch[Name] | undefined }, replace: boolean): void => {
    const kept = Object.entries(next).filter(([, value]) => value !== undefined && value !== "");
    void navigate({ search: Object.fromEntries(kept), replace });
  };

  return (
    <>
      <PageHeader
        title="Activity"
        tabTitle="Activity"
        description={isAdmin ? "Every call of this gateway." : "The calls of your keys."}
        actions={
          isFirstPage && (
            <>
              <Badge tone={live.state === "live" ? "good" : live.state === "lost" ? "bad" : "neutral"} hasDot>
                {liveWords[live.state]}
              </Badge>
              <Button aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
                <Icon name={isPaused ? "play" : "pause"} size={13} /> {isPaused ? "Go on" : "Pause"}
              </Button>
            </>
          )
        }
      />
      <div className={styles["bar"]} role="search">
        {fields.map(([name, label, placeholder]) => (
          <div key={name} className={styles["field"]}>
            <TypedInput
              label={label}
              placeholder={placeholder}
              value={search[name] ?? ""}
              onSettled={(text) => go({ ...search, [name]: text, cursor: undefined }, true)}
            />
          </div>
        ))}
        {fields.some(([name]) => name in search) && (
          <Button variant="ghost" onClick={() => go({}, true)}>
            Clear
          </Button>
        )}
      </div>
      <div className={styles["stack"]}>
        {list.isError && (
          <FailureNotice
            error={list.error}
            title={stored === undefined ? "The calls could not be loaded" : "These calls are from an earlier answer"}
            onRetry={() => void list.refetch()}
          />
        )}
        {live.skipped > 0 && (
          <Notice tone="neutral" title={`${live.skipped} more calls came faster than can be shown`}>
            <p>They are counted. Narrow the view by a filter, or load the page again to see them.</p>
          </Notice>
        )}
      </div>
      {!(list.isError && stored === undefined) && (
        <DataTable
          label="Calls"
          columns={makeActivityColumns(setOpened)}
          rows={calls}
          getId={(call) => call.id}
          isStale={list.isPlaceholderData}
          empty={
            <EmptyState icon="pulse" title="No call yet">
              Calls appear here about a second after they end. Refused ones are counted under Usage.
            </EmptyState>
          }
        />
      )}
      {(!isFirstPage || list.data?.next_cursor != null) && (
        <nav className={styles["pager"]} aria-label="Pages">
          <Button disabled={isFirstPage} onClick={() => go({ ...search, cursor: undefined }, false)}>
            <Icon name="left" size={14} /> Newest
          </Button>
          <Button
            disabled={list.data?.next_cursor == null || list.isPlaceholderData}
            onClick={() => go({ ...search, cursor: list.data?.next_cursor ?? undefined }, false)}
          >
            Older <Icon name="right" size={14} />
          </Button>
        </nav>
      )}
      {opened !== null && <CallDialog call={opened} onClose={() => setOpened(null)} />}
    </>
  );
}
