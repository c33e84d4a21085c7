import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { api, type Outputs } from "../../app/api.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Segments } from "../../ui/segments.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { showFailure, showToast } from "../../ui/toast.tsx";
import { refreshWebhooks } from "./refresh-webhooks.ts";
import type { WebhookView } from "./webhook-dialog.tsx";
import { deliveryStates, type WebhookSearch } from "./webhook-search.ts";
import styles from "./webhooks.module.css";

type DeliveryView = Outputs["webhooks"]["listDeliveries"]["deliveries"][number];

const route = getRouteApi("/shell/manage/webhooks");

/** Messages leave within seconds. */
const lookMs = 3_000;
const tones = { pending: "accent", delivered: "good", parked: "bad" } as const;

/** What was sent to one webhook and what waits, with replay. */
export function DeliveryList({ webhook, state }: { webhook: WebhookView; state: WebhookSearch["state"] }) {
  const navigate = route.useNavigate();
  const list = useInfiniteQuery(
    api.webhooks.listDeliveries.infiniteQueryOptions(
      { webhook_id: webhook.id, ...(state === undefined ? {} : { state }) },
      { getNextPageParam: (page) => page.next_cursor ?? undefined, refetchInterval: lookMs },
    ),
  );
  const replay = useMutation(api.webhooks.replay.mutationOptions({ onSuccess: refreshWebhooks, onError: showFailure }));
  const replayParked = useMutation(
    api.webhooks.replayParked.mutationOptions({
      onSuccess: async ({ replayed }) => {
        showToast(
          replayed === 0
            ? "Nothing was parked."
            : `${replayed} ${replayed === 1 ? "message is" : "messages are"} sent again.`,
        );
        await refreshWebhooks();
      },
      onError: showFailure,
    }),
  );
  const columns: Column<DeliveryView>[] = [
    {
      id: "event",
      header: "Message",
      render: ({ event, id }) => <TitleCell title={event} note={id} />,
    },
    {
      id: "state",
      header: "State",
      render: (one) => (
        <Badge tone={tones[one.state]} hasDot>
          {one.state}
        </Badge>
      ),
    },
    {
      id: "answer",
      header: "Last answer",
      priority: "medium",
      render: (one) => (
        <span className={styles["answer"]}>
          {one.last_error ?? (one.last_status === null ? "–" : `answered ${one.last_status}`)}
        </span>
      ),
    },
    { id: "attempts", header: "Attempts", align: "end", priority: "medium", render: ({ attempts }) => attempts },
    {
      id: "made",
      header: "Made",
      priority: "medium",
      render: (one) => <RelativeTime at={one.created_at} />,
    },
    {
      id: "next",
      header: "Next try",
      priority: "low",
      render: (one) => <RelativeTime at={one.next_try_at} none="–" />,
    },
    {
      id: "replay",
      header: "",
      align: "end",
      isPinned: true,
      render: (one) =>
        one.state === "pending" ? null : (
          <Button
            size="small"
            aria-label={`Replay ${one.id}`}
            isBusy={replay.isPending && replay.variables.delivery_id === one.id}
            onClick={() => replay.mutate({ webhook_id: webhook.id, delivery_id: one.id })}
          >
            Replay
          </Button>
        ),
    },
  ];
  return (
    <Panel
      title={`Messages to ${webhook.name}`}
      actions={
        <div className={styles["actions"]}>
          <Segments
            label="State"
            value={state ?? "all"}
            onChange={(next) =>
              void navigate({
                search: { webhook: webhook.id, ...(next === "all" ? {} : { state: next }) },
                replace: true,
              })
            }
            options={[["all", "All"], ...deliveryStates.map((each) => [each, each] as const)]}
          />
          <Button
            size="small"
            isBusy={replayParked.isPending}
            onClick={() => replayParked.mutate({ webhook_id: webhook.id })}
          >
            Replay all parked
          </Button>
        </div>
      }
    >
      {list.isError ? (
        <FailureNotice
          error={list.error}
          title="The messages could not be loaded"
          onRetry={() => void list.refetch()}
        />
      ) : (
        <DataTable
          label={`Messages to ${webhook.name}`}
          columns={columns}
          rows={list.data?.pages.flatMap((page) => page.deliveries)}
          getId={({ id }) => id}
          skeletonRows={3}
          empty={
            <EmptyState icon="send" title={state === undefined ? "Nothing was sent yet" : `No message is ${state}`}>
              Send a test from the menu of the webhook. Messages are kept for 30 days.
            </EmptyState>
          }
        />
      )}
      {list.hasNextPage && (
        <Button isBusy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          Show more
        </Button>
      )}
    </Panel>
  );
}
