import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, type Inputs } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import { formatCount } from "../../format/count.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Icon } from "../../ui/icon.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { PageHeader } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { KeyBadges, type KeyView, StateBadge } from "./key-badges.tsx";
import { KeyFilters } from "./key-filters.tsx";
import type { KeySearch } from "./key-search.ts";
import styles from "./keys.module.css";

const route = getRouteApi("/shell/api-keys");
const pageSize = 50;

export function KeysPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { plan, keyCount, isAdmin } = useSession();
  const [before, setBefore] = useState<readonly string[]>([]);
  const list = useQuery(api.keys.list.queryOptions(makeListInput(search), { placeholderData: keepPreviousData }));
  const keys = list.data?.api_keys;

  const setView = (view: KeySearch): void => {
    setBefore([]);
    void navigate({ search: dropEmpty({ ...view, cursor: undefined }), replace: true });
  };
  const setCreating = (isCreating: boolean): void =>
    void navigate({ search: dropEmpty({ ...search, create: isCreating || undefined }) });

  const columns: Column<KeyView>[] = [
    {
      id: "alias",
      header: "Key",
      render: (key) => (
        <div className={styles["name"]}>
          <Link to="/api-keys/$publicId" params={{ publicId: key.public_id }} title={key.description ?? undefined}>
            {key.alias}
          </Link>
          <code>{key.public_id}</code>
        </div>
      ),
    },
    { id: "type", header: "Type", priority: "medium", render: (key) => <Badge>{key.type}</Badge> },
    {
      id: "state",
      header: "State",
      render: (key) => (
        <div className={styles["badges"]}>
          <StateBadge state={key.state} />
          <KeyBadges apiKey={key} isExhausted={false} />
        </div>
      ),
    },
    {
      id: "models",
      header: "Models",
      priority: "low",
      render: (key) => (
        <span className={styles["models"]} title={key.models.join(", ")}>
          {key.models.length === 0 ? "none" : key.models.includes("*") ? "all" : key.models.join(", ")}
        </span>
      ),
    },
    {
      id: "rpm",
      header: "RPM",
      align: "end",
      priority: "low",
      render: (key) => {
        const rpm = key.rate_limits["requests_per_minute"];
        return rpm === undefined ? <span className={styles["quiet"]}>–</span> : formatCount(rpm);
      },
    },
    {
      id: "last_used_at",
      header: "Last used",
      priority: "medium",
      render: (key) => <RelativeTime at={key.last_used_at} />,
    },
    { id: "expires_at", header: "Expires", priority: "low", render: (key) => <RelativeTime at={key.expires_at} /> },
  ];

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
      <KeyFilters search={search} onChange={setView} isAdmin={isAdmin} />
      {list.isError && (
        <div className={styles["stack"]}>
          <FailureNotice error={list.error} title="The keys could not be loaded" onRetry={() => void list.refetch()} />
        </div>
      )}
      {!(list.isError && keys === undefined) && (
        <DataTable
          label="API keys"
          columns={columns}
          rows={keys}
          getId={(key) => key.public_id}
          getRowLabel={(key) => key.alias}
          isStale={list.isPlaceholderData}
          empty={
            <EmptyState
              icon="key"
              title={Object.keys(search).length === 0 ? "No key yet" : "No key matches"}
              actions={
                <Button variant="primary" onClick={() => setCreating(true)}>
                  Create a key
                </Button>
              }
            >
              A key lets one program call models, within the limits that you give it.
            </EmptyState>
          }
        />
      )}
      <div className={styles["pager"]}>
        <span aria-live="polite">{keys === undefined ? "" : `${keys.length} keys on this page`}</span>
        <div>
          <Button
            disabled={search.cursor === undefined}
            onClick={() => {
              const previous = before.at(-1);
              setBefore(before.slice(0, -1));
              void navigate({ search: dropEmpty({ ...search, cursor: previous }) });
            }}
          >
            <Icon name="left" size={14} />{" "}
            {before.length > 0 || search.cursor === undefined ? "Previous" : "First page"}
          </Button>
          <Button
            disabled={list.data?.next_cursor == null}
            onClick={() => {
              if (search.cursor !== undefined) setBefore([...before, search.cursor]);
              void navigate({ search: dropEmpty({ ...search, cursor: list.data?.next_cursor ?? undefined }) });
            }}
          >
            Next <Icon name="right" size={14} />
          </Button>
        </div>
      </div>
    </>
  );
}

function makeListInput(search: KeySearch): Inputs["keys"]["list"] {
  const { q, state, type, advice, owner, tag, cursor } = search;
  const [name = "", value] = splitTag(tag);
  return {
    limit: pageSize,
    ...(q === undefined ? {} : { q }),
    ...(state === undefined ? {} : { state }),
    ...(type === undefined ? {} : { type }),
    ...(advice === undefined ? {} : { advice }),
    ...(owner === undefined ? {} : { owner_id: owner }),
    ...(value === undefined ? {} : { tag: { [name]: value } }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

function splitTag(tag: string | undefined): string[] {
  const at = tag?.indexOf("=") ?? -1;
  return tag === undefined || at < 1 ? [] : [tag.slice(0, at), tag.slice(at + 1)];
}

/** Nothing stands in the address that says nothing. */
function dropEmpty(search: { [Name in keyof KeySearch]: KeySearch[Name] | undefined }): KeySearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value !== ""));
}
