import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { PageHeader } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { TypedInput } from "../../ui/typed-input.tsx";
import styles from "./audit.module.css";
import { type AuditSearch, parseAuditSearch } from "./audit-search.ts";
import { ChainState } from "./chain-state.tsx";
import { EntryDialog, type EntryView } from "./entry-dialog.tsx";

const route = getRouteApi("/shell/manage/audit");

export function AuditPage() {
  return (
    <AdminsOnly>
      <Audit />
    </AdminsOnly>
  );
}

function Audit() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { actor = "", action = "", object = "" } = search;
  // A new view of the same page: going back leaves it.
  const ask = (change: AuditSearch): void =>
    void navigate({ search: parseAuditSearch({ ...search, ...change }), replace: true });
  const [shown, setShown] = useState<EntryView | null>(null);
  const list = useInfiniteQuery(
    api.audit.list.infiniteQueryOptions(search, {
      getNextPageParam: (page) => page.next_cursor ?? undefined,
      placeholderData: keepPreviousData,
    }),
  );
  const entries = list.data?.pages.flatMap((page) => page.entries);
  const columns: Column<EntryView>[] = [
    { id: "at", header: "When", render: (entry) => <RelativeTime at={entry.at} /> },
    { id: "actor", header: "Who", priority: "medium", render: (entry) => <code>{entry.actor}</code> },
    { id: "action", header: "Action", render: (entry) => entry.action },
    {
      id: "object",
      header: "Object",
      render: (entry) => <code className={styles["object"]}>{`${entry.object_type}:${entry.object_id}`}</code>,
    },
    { id: "ip", header: "Address", priority: "low", render: (entry) => entry.ip || "–" },
    {
      id: "show",
      header: "",
      align: "end",
      render: (entry) => (
        <Button size="small" aria-label={`Show entry ${entry.seq}`} onClick={() => setShown(entry)}>
          Show
        </Button>
      ),
    },
  ];
  return (
    <>
      <PageHeader title="Audit" tabTitle="Audit" description="What was changed, by whom and from where." />
      <ChainState />
      <div className={styles["bar"]}>
        <TypedInput
          label="Who"
          placeholder="Who: user:ID, key:ID, cli"
          value={actor}
          onSettled={(text) => ask({ actor: text })}
          isSearch
        />
        <TypedInput
          label="Action"
          placeholder="Action: keys.create"
          value={action}
          onSettled={(text) => ask({ action: text })}
        />
        <TypedInput
          label="Object"
          placeholder="Object: its id or type"
          value={object}
          onSettled={(text) => ask({ object: text })}
        />
      </div>
      {list.isError && (
        <FailureNotice error={list.error} title="The log could not be loaded" onRetry={() => void list.refetch()} />
      )}
      {!(list.isError && entries === undefined) && (
        <DataTable
          label="Audit entries"
          columns={columns}
          rows={entries}
          getId={({ seq }) => String(seq)}
          isStale={list.isPlaceholderData}
          empty={
            <EmptyState icon="list" title="No entry matches">
              Filters are exact: a whole actor, a whole action, an id or a type.
            </EmptyState>
          }
        />
      )}
      {list.hasNextPage && (
        <div className={styles["more"]}>
          <Button isBusy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Show older
          </Button>
        </div>
      )}
      {shown !== null && <EntryDialog entry={shown} onClose={() => setShown(null)} />}
    </>
  );
}
