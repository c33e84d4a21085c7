import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, useState } from "react";
import { api, type Inputs } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import { Button } from "../../ui/button.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { Icon } from "../../ui/icon.tsx";
import { EmptyState, FailureNotice, Notice } from "../../ui/notice.tsx";
import { PageHeader } from "../../ui/page.tsx";
import { makeKeyColumns } from "./key-columns.tsx";
import { KeyFilters } from "./key-filters.tsx";
import { type KeySearch, keySorts } from "./key-search.ts";
import styles from "./keys.module.css";
import { useKeyActions } from "./use-key-actions.tsx";

/** These load when they are first needed: most visits need none. */
const BulkBar = lazy(async () => ({ default: (await import("./bulk-bar.tsx")).BulkBar }));
const CreateKeyDialog = lazy(async () => ({ default: (await import("./create-key-dialog.tsx")).CreateKeyDialog }));

const route = getRouteApi("/shell/api-keys");
const pageSize = 50;
const nobody: ReadonlySet<string> = new Set();

export function KeysPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { plan, keyCount, isAdmin } = useSession();
  const actions = useKeyActions();
  const [before, setBefore] = useState<readonly string[]>([]);
  const [selected, setSelected] = useState(nobody);
  const list = useQuery(api.keys.list.queryOptions(makeListInput(search), { placeholderData: keepPreviousData }));
  const keys = list.data?.api_keys;
  const ids = keys?.map((key) => key.public_id) ?? [];
  // Apart from the list: keys are there at once, however long their figures take.
  const figures = useQuery(
    api.keys.figures.queryOptions({ public_ids: ids }, { enabled: ids.length > 0, placeholderData: keepPreviousData }),
  );
  const isLoading = figures.isFetching && !figures.isError;
  const { makeEntries } = actions;
  const columns = useMemo(() => {
    const figuresById = new Map(figures.data?.figures.map((one) => [one.public_id, one]));
    return makeKeyColumns({ find: (id) => figuresById.get(id), isLoading }, makeEntries);
  }, [figures.data, isLoading, makeEntries]);

  const go = (view: Loose<KeySearch>, replace = false): void => {
    setSelected(nobody);
    void navigate({ search: dropEmpty(view), replace });
  };
  const setView = (view: Loose<KeySearch>): void => {
    setBefore([]);
    go({ ...view, cursor: undefined }, true);
  };
  const setCreating = (create: true | undefined): void => void navigate({ search: dropEmpty({ ...search, create }) });
  const hasFilter = Object.keys(search).some((name) => !["create", "sort", "order"].includes(name));

  return (
    <>
      <PageHeader
        title="API keys"
        tabTitle="API keys"
        description={
          plan === null ? "Every key of this gateway." : `${keyCount} of ${plan.keys} keys on the plan ${plan.name}.`
        }
        actions={
          <Button variant="primary" onClick={() => setCreating(true)}>
            <Icon name="plus" size={14} /> Create key
          </Button>
        }
      />
      <KeyFilters
        search={search}
        onChange={(change) => setView({ sort: search.sort, order: search.order, ...change })}
        isAdmin={isAdmin}
      />
      {selected.size > 0 && (
        <Suspense fallback={null}>
          <BulkBar selected={selected} onDone={() => setSelected(nobody)} />
        </Suspense>
      )}
      {list.isError && (
        <div className={styles["above"]}>
          <FailureNotice
            error={list.error}
            title={keys === undefined ? "The keys could not be loaded" : "These keys are from an earlier answer"}
            onRetry={() => void list.refetch()}
          />
        </div>
      )}
      {figures.isError && !list.isError && (
        <div className={styles["above"]}>
          <Notice
            tone="warn"
            title={
              figures.data === undefined ? "Budgets and usage could not be loaded" : "Budgets and usage are not current"
            }
            action={
              <Button size="small" isBusy={figures.isFetching} onClick={() => void figures.refetch()}>
                Try again
              </Button>
            }
          >
            <p>The keys themselves are.</p>
          </Notice>
        </div>
      )}
      {!(list.isError && keys === undefined) && (
        <DataTable
          label="API keys"
          columns={columns}
          rows={keys}
          getId={(key) => key.public_id}
          getRowLabel={(key) => key.alias}
          selected={selected}
          onSelect={setSelected}
          isStale={list.isPlaceholderData || (list.isError && keys !== undefined)}
          {...(search.sort === undefined ? {} : { sort: { column: search.sort, order: search.order ?? "desc" } })}
          onSort={({ column, order }) => setView({ ...search, sort: keySorts.find((sort) => sort === column), order })}
          empty={
            hasFilter ? (
              <EmptyState
                icon="search"
                title="No key matches"
                actions={<Button onClick={() => setView({})}>Clear the filters</Button>}
              >
                {list.data?.next_cursor == null
                  ? "Nothing of that kind is among your keys."
                  : "Nothing in this part; older keys are on the next page."}
              </EmptyState>
            ) : (
              <EmptyState
                icon="key"
                title="No key yet"
                actions={
                  <Button variant="primary" onClick={() => setCreating(true)}>
                    Create your first key
                  </Button>
                }
              >
                A key lets one program call models, within the limits that you give it.
              </EmptyState>
            )
          }
        />
      )}
      {(search.cursor !== undefined || list.data?.next_cursor != null) && (
        <nav className={styles["pager"]} aria-label="Pages">
          <span aria-live="polite">{keys === undefined ? "" : `${keys.length} keys on this page`}</span>
          <div>
            <Button
              disabled={search.cursor === undefined}
              onClick={() => {
                const previous = before.at(-1);
                setBefore(before.slice(0, -1));
                go({ ...search, cursor: previous });
              }}
            >
              <Icon name="left" size={14} /> {before.length > 0 ? "Previous" : "First page"}
            </Button>
            <Button
              disabled={list.data?.next_cursor == null || list.isPlaceholderData}
              onClick={() => {
                if (search.cursor !== undefined) setBefore([...before, search.cursor]);
                go({ ...search, cursor: list.data?.next_cursor ?? undefined });
              }}
            >
              Next <Icon name="right" size={14} />
            </Button>
          </div>
        </nav>
      )}
      {search.create === true && (
        <Suspense fallback={null}>
          <CreateKeyDialog
            onClose={() => setCreating(undefined)}
            onCreated={(key) => {
              setCreating(undefined);
              actions.reveal(key, "Your new key");
            }}
          />
        </Suspense>
      )}
      {actions.dialogs}
    </>
  );
}

type Loose<Shape> = { [Name in keyof Shape]?: Shape[Name] | undefined };

function makeListInput(search: KeySearch): Inputs["keys"]["list"] {
  const { q, state, type, advice, owner, tag, cursor, sort, order } = search;
  const [name = "", value] = splitTag(tag);
  return {
    limit: pageSize,
    ...(q === undefined ? {} : { q }),
    ...(state === undefined ? {} : { state }),
    ...(type === undefined ? {} : { type }),
    ...(advice === undefined ? {} : { advice }),
    ...(owner === undefined ? {} : { owner_id: owner }),
    ...(value === undefined ? {} : { tag: { [name]: value } }),
    ...(sort === undefined ? {} : { sort }),
    // By age there is only newest first.
    ...(order === undefined || sort === undefined || sort === "created_at" ? {} : { order }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

function splitTag(tag: string | undefined): string[] {
  const at = tag?.indexOf("=") ?? -1;
  return tag === undefined || at < 1 ? [] : [tag.slice(0, at), tag.slice(at + 1)];
}

/** Nothing stands in the address that says nothing. */
function dropEmpty(search: Loose<KeySearch>): KeySearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value !== ""));
}
