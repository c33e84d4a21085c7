import { useState } from "react";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Menu } from "../../ui/menu.tsx";
import { EmptyState, FailureNotice } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { BudgetDialog } from "./budget-dialog.tsx";
import { DeleteLimitDialog } from "./delete-limit-dialog.tsx";
import { type BudgetView, describeEntry, type RuleView } from "./limit-words.ts";
import styles from "./limits.module.css";
import { RuleDialog } from "./rule-dialog.tsx";

type Entry = RuleView | BudgetView;
type Open<One> = { kind: "add" } | { kind: "edit" | "delete"; entry: One } | null;

/** Rules or budgets for more than one key, with everything that an admin does to them; those of the config file are only read. */
export function EntryList<One extends Entry>({
  kind,
  list,
  entries,
  columns,
  emptyText,
}: {
  kind: "rule" | "budget";
  list: { isError: boolean; error: unknown; refetch: () => unknown };
  entries: readonly One[] | undefined;
  /** Before the columns that all have. */
  columns: readonly Column<One>[];
  emptyText: string;
}) {
  const [open, setOpen] = useState<Open<One>>(null);
  const title = kind === "rule" ? "Rate rules" : "Budgets for more than one key";
  const all: Column<One>[] = [
    ...columns,
    {
      id: "source",
      header: "From",
      priority: "medium",
      render: ({ source }) => (
        <Badge
          title={source === "config" ? "It is changed there, and read anew with a reload." : "It can be changed here."}
        >
          {source === "config" ? "config file" : "admins"}
        </Badge>
      ),
    },
    {
      id: "more",
      header: "",
      align: "end",
      isPinned: true,
      render: (entry) =>
        entry.source === "config" ? (
          <span className={styles["still"]}>read-only</span>
        ) : (
          <Menu
            trigger={
              <Button variant="ghost" size="small" isIcon aria-label={`Actions of ${kind}: ${describeEntry(entry)}`}>
                <Icon name="more" />
              </Button>
            }
            entries={() => [
              { label: "Edit", icon: "gear", onSelect: () => setOpen({ kind: "edit", entry }) },
              { label: "Delete", icon: "trash", isDangerous: true, onSelect: () => setOpen({ kind: "delete", entry }) },
            ]}
          />
        ),
    },
  ];
  const close = (): void => setOpen(null);
  const edited = open?.kind === "edit" ? open.entry : null;
  const isEditing = open?.kind === "add" || edited !== null;
  return (
    <Panel
      title={title}
      actions={
        <Button variant="primary" size="small" onClick={() => setOpen({ kind: "add" })}>
          <Icon name="plus" size={14} /> Add {kind}
        </Button>
      }
    >
      {list.isError ? (
        <FailureNotice
          error={list.error}
          title={`The ${kind}s could not be loaded`}
          onRetry={() => void list.refetch()}
        />
      ) : (
        <DataTable
          label={title}
          columns={all}
          rows={entries}
          getId={({ id }) => id}
          skeletonRows={2}
          empty={
            <EmptyState icon="gauge" title={`No ${kind} yet`}>
              {emptyText}
            </EmptyState>
          }
        />
      )}
      {isEditing && kind === "rule" && <RuleDialog rule={edited as RuleView | null} onClose={close} />}
      {isEditing && kind === "budget" && <BudgetDialog budget={edited as BudgetView | null} onClose={close} />}
      {open?.kind === "delete" && <DeleteLimitDialog entry={open.entry} onClose={close} />}
    </Panel>
  );
}
