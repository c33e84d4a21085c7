import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, client } from "../../app/api.ts";
import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { useActorName } from "../../app/session.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Menu } from "../../ui/menu.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { PageHeader, Stack } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { RevealOnceDialog } from "../../ui/reveal-once-dialog.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { showFailure, showToast } from "../../ui/toast.tsx";
import { DeleteWebhookDialog } from "./delete-webhook-dialog.tsx";
import { DeliveryList } from "./delivery-list.tsx";
import { refreshWebhooks } from "./refresh-webhooks.ts";
import { WebhookDialog, type WebhookView } from "./webhook-dialog.tsx";

const route = getRouteApi("/shell/manage/webhooks");

type Open =
  | { kind: "create" }
  | { kind: "edit" | "delete"; webhook: WebhookView }
  | { kind: "reveal"; name: string; secret: string }
  | null;

export function WebhooksPage() {
  return (
    <AdminsOnly>
      <Webhooks />
    </AdminsOnly>
  );
}

function Webhooks() {
  const search = route.useSearch();
  const nameActor = useActorName();
  const navigate = route.useNavigate();
  const [open, setOpen] = useState<Open>(null);
  const list = useQuery(api.webhooks.list.queryOptions({}));
  const update = useMutation(api.webhooks.update.mutationOptions({ onSuccess: refreshWebhooks, onError: showFailure }));
  const test = useMutation(
    api.webhooks.test.mutationOptions({
      onSuccess: async ({ webhook_id: webhook }) => {
        showToast("A test is on its way.");
        await Promise.all([navigate({ search: { webhook } }), refreshWebhooks()]);
      },
      onError: showFailure,
    }),
  );
  // Not through a cache: the answer holds the secret.
  const rotate = useMutation({
    mutationFn: (webhook: WebhookView) => client.webhooks.rotateSecret.mutate({ webhook_id: webhook.id }),
    async onSuccess({ name, secret }) {
      if (secret !== null) setOpen({ kind: "reveal", name, secret });
      await refreshWebhooks();
    },
    onError: showFailure,
  });
  const webhooks = list.data?.webhooks;
  const shown = webhooks?.find(({ id }) => id === search.webhook);
  const columns: Column<WebhookView>[] = [
    {
      id: "name",
      header: "Webhook",
      render: ({ id, name, target }) => (
        <TitleCell
          title={
            <Link to="/manage/webhooks" search={{ webhook: id }}>
              {name}
            </Link>
          }
          note={target}
        />
      ),
    },
    {
      id: "state",
      header: "State",
      render: ({ enabled }) => (
        <Badge tone={enabled ? "good" : "neutral"} hasDot>
          {enabled ? "enabled" : "disabled"}
        </Badge>
      ),
    },
    { id: "kind", header: "Kind", priority: "medium", render: ({ kind }) => kind },
    {
      id: "secret",
      header: "Secret",
      priority: "low",
      render: (one) =>
        one.kind !== "standard" ? (
          "–"
        ) : (
          <>
            <RelativeTime at={one.secret_rotated_at ?? one.created_at} />
            {one.previous_secret_ends_at !== null && (
              <>
                {", old one ends "}
                <RelativeTime at={one.previous_secret_ends_at} />
              </>
            )}
          </>
        ),
    },
    { id: "by", header: "Added by", priority: "low", render: (one) => nameActor(one.created_by) },
    {
      id: "more",
      header: "",
      align: "end",
      isPinned: true,
      render: (webhook) => (
        <Menu
          trigger={
            <Button variant="ghost" size="small" isIcon aria-label={`Actions of ${webhook.name}`}>
              <Icon name="more" />
            </Button>
          }
          entries={() => [
            {
              label: "Send a test",
              icon: "send",
              isDisabled: !webhook.enabled,
              onSelect: () => test.mutate({ webhook_id: webhook.id }),
            },
            { label: "Edit", icon: "gear", onSelect: () => setOpen({ kind: "edit", webhook }) },
            ...(webhook.kind === "standard"
              ? [{ label: "Give a new secret", icon: "refresh" as const, onSelect: () => rotate.mutate(webhook) }]
              : []),
            {
              label: webhook.enabled ? "Disable" : "Enable",
              icon: webhook.enabled ? "pause" : "play",
              onSelect: () => update.mutate({ webhook_id: webhook.id, enabled: !webhook.enabled }),
            },
            null,
            {
              label: "Delete",
              icon: "trash",
              isDangerous: true,
              onSelect: () => setOpen({ kind: "delete", webhook }),
            },
          ]}
        />
      ),
    },
  ];
  const add = (
    <Button variant="primary" onClick={() => setOpen({ kind: "create" })}>
      <Icon name="plus" size={14} /> Add webhook
    </Button>
  );
  const close = (): void => setOpen(null);
  return (
    <>
      <PageHeader
        title="Webhooks"
        tabTitle="Webhooks"
        description="Where messages of alert rules go, and what became of each."
        actions={add}
      />
      <Stack>
        {list.isError && (
          <FailureNotice
            error={list.error}
            title="The webhooks could not be loaded"
            onRetry={() => void list.refetch()}
          />
        )}
        {!(list.isError && webhooks === undefined) && (
          <DataTable
            label="Webhooks"
            columns={columns}
            rows={webhooks}
            getId={({ id }) => id}
            skeletonRows={3}
            empty={
              <EmptyState icon="send" title="No webhook yet" actions={add}>
                Add an address that takes signed JSON, a channel of Slack, or people by e-mail.
              </EmptyState>
            }
          />
        )}
        {shown !== undefined && <DeliveryList webhook={shown} state={search.state} />}
      </Stack>
      {open?.kind === "create" && (
        <WebhookDialog
          webhook={null}
          onCreated={({ name, secret }) => setOpen(secret === null ? null : { kind: "reveal", name, secret })}
          onClose={close}
        />
      )}
      {open?.kind === "edit" && <WebhookDialog webhook={open.webhook} onCreated={close} onClose={close} />}
      {open?.kind === "delete" && <DeleteWebhookDialog webhook={open.webhook} onDeleted={close} onClose={close} />}
      {open?.kind === "reveal" && (
        <RevealOnceDialog
          title={`The secret of ${open.name}`}
          noun="secret"
          secret={open.secret}
          warning="It checks the signatures of messages. It is not shown again; if you lose it, give the webhook a new one."
          onClose={close}
        />
      )}
    </>
  );
}
