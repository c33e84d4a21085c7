import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Menu } from "../../ui/menu.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { CredentialDialog, type CredentialView } from "./credential-dialog.tsx";
import { DeleteCredentialDialog } from "./delete-credential-dialog.tsx";
import { outcomeTones } from "./outcome-tones.ts";
import { TestCredentialDialog } from "./test-credential-dialog.tsx";

type Open = { kind: "create" } | { kind: "change" | "test" | "delete"; credential: CredentialView } | null;

function describeUsers({ config, pinned_keys: keys }: CredentialView["used_by"]): string {
  const parts = [...config, ...(keys === 0 ? [] : [`pinned by ${keys} ${keys === 1 ? "key" : "keys"}`])];
  return parts.length === 0 ? "nobody" : parts.join(", ");
}

/** The vault: everything about stored credentials but what they hold. */
export function CredentialList() {
  const [open, setOpen] = useState<Open>(null);
  const list = useQuery(api.credentials.list.queryOptions({}));
  const columns: Column<CredentialView>[] = [
    {
      id: "name",
      header: "Credential",
      render: ({ name, description }) => <TitleCell title={name} note={description} />,
    },
    {
      id: "test",
      header: "Last test",
      render: ({ test_outcome: outcome, tested_at: at }) =>
        outcome === null ? (
          "never"
        ) : (
          <>
            <Badge tone={outcomeTones[outcome]} hasDot>
              {outcome}
            </Badge>{" "}
            <RelativeTime at={at} />
          </>
        ),
    },
    { id: "users", header: "Used by", priority: "medium", render: (one) => describeUsers(one.used_by) },
    { id: "version", header: "Version", align: "end", priority: "low", render: ({ version }) => version },
    { id: "changed", header: "Changed", priority: "medium", render: (one) => <RelativeTime at={one.updated_at} /> },
    {
      id: "more",
      header: "",
      align: "end",
      isPinned: true,
      render: (credential) => (
        <Menu
          trigger={
            <Button variant="ghost" size="small" isIcon aria-label={`Actions of ${credential.name}`}>
              <Icon name="more" />
            </Button>
          }
          entries={() => [
            { label: "Test", icon: "play", onSelect: () => setOpen({ kind: "test", credential }) },
            { label: "Replace or describe", icon: "refresh", onSelect: () => setOpen({ kind: "change", credential }) },
            null,
            {
              label: "Delete",
              icon: "trash",
              isDangerous: true,
              onSelect: () => setOpen({ kind: "delete", credential }),
            },
          ]}
        />
      ),
    },
  ];
  const close = (): void => setOpen(null);
  return (
    <Panel
      title="Stored credentials"
      actions={
        <Button variant="primary" size="small" onClick={() => setOpen({ kind: "create" })}>
          <Icon name="plus" size={14} /> Store credential
        </Button>
      }
    >
      {list.isError ? (
        <FailureNotice
          error={list.error}
          title="The credentials could not be loaded"
          onRetry={() => void list.refetch()}
        />
      ) : (
        <DataTable
          label="Stored credentials"
          columns={columns}
          rows={list.data?.credentials}
          getId={({ name }) => name}
          skeletonRows={2}
          empty={
            <EmptyState icon="key" title="No credential is stored">
              Store a provider's key here, and name it as vault::NAME in the config file or pin it to keys.
            </EmptyState>
          }
        />
      )}
      {open?.kind === "create" && <CredentialDialog credential={null} onClose={close} />}
      {open?.kind === "change" && <CredentialDialog credential={open.credential} onClose={close} />}
      {open?.kind === "test" && <TestCredentialDialog credential={open.credential} onClose={close} />}
      {open?.kind === "delete" && <DeleteCredentialDialog credential={open.credential} onClose={close} />}
    </Panel>
  );
}
