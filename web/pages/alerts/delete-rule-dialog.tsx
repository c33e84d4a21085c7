import { useMutation } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import { showToast } from "../../ui/toast.tsx";
import { TypedConfirmDialog } from "../../ui/typed-confirm-dialog.tsx";
import type { AlertRule } from "./alert-kinds.ts";
import { refreshAlerts } from "./refresh-alerts.ts";

/** Deletes an alert rule with its incidents, by its name typed out. */
export function DeleteRuleDialog({ rule, onClose }: { rule: AlertRule; onClose: () => void }) {
  const remove = useMutation(
    api.alerts.deleteRule.mutationOptions({
      onSuccess: async () => {
        showToast(`${rule.name} is deleted.`);
        onClose();
        await refreshAlerts();
      },
    }),
  );
  return (
    <TypedConfirmDialog
      title={`Delete ${rule.name}`}
      name={rule.name}
      submit="Delete rule"
      problem="The rule was not deleted"
      warning="Its incidents are deleted too. To stop it for a while, disable it instead."
      error={remove.error}
      isBusy={remove.isPending}
      onConfirm={() => remove.mutate({ rule_id: rule.id })}
      onClose={onClose}
    />
  );
}
