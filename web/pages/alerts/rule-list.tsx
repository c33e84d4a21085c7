import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Menu } from "../../ui/menu.tsx";
import { EmptyState } from "../../ui/notice.tsx";
import { Panel } from "../../ui/page.tsx";
import { TitleCell } from "../../ui/title-cell.tsx";
import { showFailure, showToast } from "../../ui/toast.tsx";
import { AlertDialog } from "./alert-dialog.tsx";
import { type AlertRule, alertKinds, describeCondition, describeScope } from "./alert-kinds.ts";
import { DeleteRuleDialog } from "./delete-rule-dialog.tsx";
import { refreshAlerts } from "./refresh-alerts.ts";

type Open = { kind: "create" } | { kind: "edit" | "delete"; rule: AlertRule } | null;

/** Alert rules, with everything that an admin does to them. */
export function RuleList({ rules }: { rules: readonly AlertRule[] | undefined }) {
  const [open, setOpen] = useState<Open>(null);
  const update = useMutation(api.alerts.updateRule.mutationOptions({ onSuccess: refreshAlerts, onError: showFailure }));
  const test = useMutation(
    api.alerts.testRule.mutationOptions({
      onSuccess: ({ deliveries: { length } }) =>
        showToast(`A test is on its way to ${length} ${length === 1 ? "webhook" : "webhooks"}.`),
      onError: showFailure,
    }),
  );
  const columns: Column<AlertRule>[] = [
    {
      id: "name",
      header: "Rule",
      render: (rule) => (
        <TitleCell title={rule.name} note={`${alertKinds[rule.kind].label}, ${describeCondition(rule)}`} />
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
    { id: "scope", header: "Keys", priority: "medium", render: ({ scope }) => describeScope(scope) },
    { id: "webhooks", header: "Webhooks", align: "end", priority: "low", render: ({ webhooks }) => webhooks.length },
    {
      id: "quiet",
      header: "Quiet hours",
      priority: "low",
      render: ({ quiet_hours: quiet }) => (quiet === null ? "none" : `${quiet.from} to ${quiet.to}, ${quiet.timezone}`),
    },
    {
      id: "action",
      header: "Also",
      priority: "low",
      render: ({ action, throttle_requests_per_minute: rate }) =>
        action === "none" ? "–" : action === "disable" ? "disables the key" : `${rate} requests a minute`,
    },
    {
      id: "more",
      header: "",
      align: "end",
      isPinned: true,
      render: (rule) => (
        <Menu
          trigger={
            <Button variant="ghost" size="small" isIcon aria-label={`Actions of ${rule.name}`}>
              <Icon name="more" />
            </Button>
          }
          entries={() => [
            {
              label: "Send a test",
              icon: "send",
              isDisabled: rule.webhooks.length === 0,
              onSelect: () => test.mutate({ rule_id: rule.id }),
            },
            { label: "Edit", icon: "gear", onSelect: () => setOpen({ kind: "edit", rule }) },
            {
              label: rule.enabled ? "Disable" : "Enable",
              icon: rule.enabled ? "pause" : "play",
              onSelect: () => update.mutate({ rule_id: rule.id, enabled: !rule.enabled }),
            },
            null,
            { label: "Delete", icon: "trash", isDangerous: true, onSelect: () => setOpen({ kind: "delete", rule }) },
          ]}
        />
      ),
    },
  ];
  const add = (
    <Button variant="primary" size="small" onClick={() => setOpen({ kind: "create" })}>
      <Icon name="plus" size={14} /> Add rule
    </Button>
  );
  const close = (): void => setOpen(null);
  return (
    <Panel title="Rules" actions={add}>
      <DataTable
        label="Alert rules"
        columns={columns}
        rows={rules}
        getId={({ id }) => id}
        skeletonRows={2}
        empty={
          <EmptyState icon="bell" title="No alert rule yet">
            Add one that tells when a budget is nearly spent, a key expires or an hour is unusual.
          </EmptyState>
        }
      />
      {open?.kind === "create" && <AlertDialog rule={null} onClose={close} />}
      {open?.kind === "edit" && <AlertDialog rule={open.rule} onClose={close} />}
      {open?.kind === "delete" && <DeleteRuleDialog rule={open.rule} onClose={close} />}
    </Panel>
  );
}
