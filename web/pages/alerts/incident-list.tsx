import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, type Outputs } from "../../app/api.ts";
import { useActorName } from "../../app/session.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Select } from "../../ui/field.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Segments } from "../../ui/segments.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { showFailure } from "../../ui/toast.tsx";
import type { AlertRule } from "./alert-kinds.ts";
import type { AlertSearch } from "./alert-search.ts";
import styles from "./alerts.module.css";
import { IncidentDialog } from "./incident-dialog.tsx";
import { describeValue } from "./incident-value.ts";
import { refreshAlerts } from "./refresh-alerts.ts";

export type IncidentView = Outputs["alerts"]["listIncidents"]["incidents"][number];

/** Rules are looked at each minute. */
const lookMs = 15_000;
const route = getRouteApi("/shell/manage/alerts");

/** What rules have found, open ones first asked for. */
export function IncidentList({ rules }: { rules: readonly AlertRule[] | undefined }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const nameActor = useActorName();
  const [shown, setShown] = useState<IncidentView | null>(null);
  const { state = "open", rule = "" } = search;
  const list = useInfiniteQuery(
    api.alerts.listIncidents.infiniteQueryOptions(
      { ...(state === "all" ? {} : { state }), ...(rule === "" ? {} : { rule_id: rule }) },
      { getNextPageParam: (page) => page.next_cursor ?? undefined, refetchInterval: lookMs },
    ),
  );
  const acknowledge = useMutation(
    api.alerts.acknowledge.mutationOptions({ onSuccess: refreshAlerts, onError: showFailure }),
  );
  const ask = (change: AlertSearch): void => void navigate({ search: change, replace: true });
  const columns: Column<IncidentView>[] = [
    {
      id: "title",
      header: "Incident",
      render: ({ title, public_id: key, rule_id: ruleId }) => (
        <TitleCell
          title={title}
          note={
            <>
              {rules?.find(({ id }) => id === ruleId)?.name ?? ruleId}
              {key !== null && (
                <>
                  {", key "}
                  <Link to="/api-keys/$publicId" params={{ publicId: key }}>
                    {key}
                  </Link>
                </>
              )}
            </>
          }
        />
      ),
    },
    {
      id: "state",
      header: "State",
      render: (one) => (
        <Badge tone={one.state === "open" ? "bad" : "good"} hasDot>
          {one.state}
        </Badge>
      ),
    },
    { id: "value", header: "Value", priority: "medium", render: ({ facts }) => describeValue(facts) ?? "–" },
    { id: "since", header: "Since", priority: "medium", render: (one) => <RelativeTime at={one.opened_at} /> },
    {
      id: "by",
      header: "Looked after by",
      priority: "low",
      render: (one) =>
        one.acknowledged_by !== null ? (
          nameActor(one.acknowledged_by)
        ) : one.state === "resolved" ? (
          "nobody"
        ) : (
          <Button
            size="small"
            aria-label={`Look after ${one.title}`}
            isBusy={acknowledge.isPending && acknowledge.variables.incident_id === one.id}
            onClick={() => acknowledge.mutate({ incident_id: one.id })}
          >
            Look after
          </Button>
        ),
    },
    {
      id: "more",
      header: "",
      align: "end",
      isPinned: true,
      render: (one) => (
        <Button size="small" variant="ghost" aria-label={`Show ${one.title}`} onClick={() => setShown(one)}>
          Show
        </Button>
      ),
    },
  ];
  return (
    <Panel
      title="Incidents"
      actions={
        <div className={styles["actions"]}>
          <Select
            className={styles["filter"]}
            aria-label="Rule"
            value={rule}
            onChange={({ target: { value } }) =>
              ask({ ...(search.state === undefined ? {} : { state }), ...(value === "" ? {} : { rule: value }) })
            }
            options={[["", "Any rule"], ...(rules ?? []).map(({ id, name }) => [id, name] as const)]}
          />
          <Segments
            label="State"
            value={state}
            onChange={(next) => ask({ state: next, ...(rule === "" ? {} : { rule }) })}
            options={[
              ["open", "Open"],
              ["resolved", "Resolved"],
              ["all", "All"],
            ]}
          />
        </div>
      }
    >
      {list.isError ? (
        <FailureNotice
          error={list.error}
          title="The incidents could not be loaded"
          onRetry={() => void list.refetch()}
        />
      ) : (
        <DataTable
          label="Incidents"
          columns={columns}
          rows={list.data?.pages.flatMap((page) => page.incidents)}
          getId={({ id }) => id}
          skeletonRows={3}
          empty={
            <EmptyState icon="bell" title={state === "all" ? "No incident yet" : `No incident is ${state}`}>
              {rules?.length === 0
                ? "Add a rule first; it is looked at each minute."
                : "Rules are looked at each minute."}
            </EmptyState>
          }
        />
      )}
      {list.hasNextPage && (
        <Button isBusy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          Show more
        </Button>
      )}
      {shown !== null && <IncidentDialog incident={shown} onClose={() => setShown(null)} />}
    </Panel>
  );
}
